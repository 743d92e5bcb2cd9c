package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DEADLOCK;
import static espalier.cuda.sim.Finding.Kind.MISSING_WAIT;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A thread block: its warps, shared memory, barriers and mbarriers. {@link Wave} runs it; it serves many times. */
final class Block {
    /** Ends a launch whose block cannot go on; the finding is already reported. */
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;

        Stopped() {
            super(null, null, false, false);
        }
    }

    /** Rank of a block of the cluster in the upper bits of a shared::cluster address (mapa), plus one; 0 is this block. */
    static final int RANK = 24;

    private static final int RED_ZONE = 256;
    private static final int REGISTERS = 65536, MOST_REGISTERS = 248;

    final Simulator sim;
    final KernelCode code;
    final Memory shared;
    final Warp[] warps;
    final Barriers barriers = new Barriers(this);
    /** By their address. */
    final Map<Integer, Mbarriers.Mbarrier> mbarriers = new HashMap<>();

    byte[] params;
    final long[] executed, lanes; // by instruction
    final MatrixUnit matrixUnit = new MatrixUnit();
    long sequence;
    /** Epochs of global memory below are over when it starts; below {@code waitedFloor}, after griddepcontrol.wait. */
    long floor, waitedFloor;

    Wave wave;
    /** The blocks of its cluster, by rank; itself alone if there is none. */
    Block[] cluster;

    private ClusterBarrier clusterBarrier; // of the first block of a cluster
    private final List<int[]> arrays;
    private final int threads;
    private Instruction lastRegisters;
    private boolean waited; // by griddepcontrol.wait

    Block(Simulator sim, KernelCode code, int threads, int dynamicShared) {
        this.sim = sim;
        this.code = code;
        this.threads = threads;
        arrays = new ArrayList<>(code.shared);
        if (dynamicShared > 0) {
            arrays.add(new int[] {code.dynamicShared, dynamicShared});
        }
        int top = RED_ZONE;
        for (int[] a : arrays) {
            top = Math.max(top, a[0] + a[1] + RED_ZONE);
        }
        shared = new Memory(Space.SHARED, 0, top + 15 & ~15, sim.checked);
        executed = sim.counters.executed(code);
        lanes = sim.counters.lanes(code);
        warps = new Warp[(threads + Alu.LANES - 1) / Alu.LANES];
        for (int w = 0; w < warps.length; w++) {
            warps[w] = new Warp(this, w);
        }
    }

    /** Gets ready; {@code place} in the grid, {@code first}: number of the first block that runs at the same time. */
    void start(byte[] params, int[] place, int[] grid, int[] blockSize, long sequence, long first) {
        this.params = params;
        this.sequence = sequence;
        if (sim.checked || !arrays.isEmpty()) {
            shared.clear(arrays);
        }
        shared.races.forgetBefore(first);
        mbarriers.clear();
        barriers.clear();
        clusterBarrier = new ClusterBarrier(cluster);
        lastRegisters = null;
        waited = false;
        for (Warp w : warps) {
            w.start(place, grid, blockSize, threads);
        }
    }

    /** All warps have ended. */
    void atEnd() {
        for (Warp w : warps) {
            w.atEnd();
        }
        if (sim.checked
                && !waited
                && floor < waitedFloor) { // else the next launch's wait would not cover the one before
            warps[0].report(MISSING_WAIT, code.code[0], "a dependent launch without griddepcontrol.wait");
        }
        if (lastRegisters != null) {
            checkRegisters();
        }
    }

    /** A setmaxnreg.inc that finds no free registers waits, for ever if none come. */
    private void checkRegisters() {
        int start = Math.min(MOST_REGISTERS, REGISTERS / (warps.length * Alu.LANES) & ~7), sum = 0;
        for (Warp w : warps) {
            sum += w.registers == 0 ? start : w.registers;
        }
        if (sum > start * warps.length) {
            warps[0].report(
                    DEADLOCK,
                    lastRegisters,
                    "the warps end with " + sum + " registers a lane in sum, the block " + "started with "
                            + warps.length + " x " + start + ": setmaxnreg.inc would wait for ever");
        }
    }

    void setRegisters(Warp w, Instruction in, int n) {
        w.registers = n;
        lastRegisters = in;
    }

    /** griddepcontrol.wait: all launches before this one have ended, and their writes are seen. */
    void waitForLaunches(Warp w) {
        waited = true;
        w.vc.floor = Math.max(w.vc.floor, waitedFloor);
    }

    void changed() {
        wave.changed();
    }

    /** A warp has ended: the others need not wait for it. */
    void ended() {
        barriers.ended();
        cluster[0].clusterBarrier.release();
    }

    boolean over() {
        return alive() == 0;
    }

    int alive() {
        int n = 0;
        for (Warp w : warps) {
            if (w.live != 0) {
                n++;
            }
        }
        return n;
    }

    void clusterArrive(Warp w, boolean relaxed) {
        cluster[0].clusterBarrier.arrive(w, relaxed);
    }

    void clusterWait(Warp w, Instruction in) {
        cluster[0].clusterBarrier.await(w, in);
    }

    /** Its place in the cluster. */
    int rank() {
        for (int k = 0; k < cluster.length; k++) {
            if (cluster[k] == this) {
                return k;
            }
        }
        throw new IllegalStateException("a block outside its cluster");
    }

    /** The block that a shared::cluster address lies in, or null. */
    Block at(int address) {
        int rank = address >>> RANK;
        return rank == 0 ? this : rank <= cluster.length ? cluster[rank - 1] : null;
    }
}
