package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DEADLOCK;
import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;
import static espalier.cuda.sim.Finding.Kind.MISSING_WAIT;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A thread block: its warps, shared memory, the 16 block barriers (PTX ISA 9.7.13.1 bar, barrier) and, in the first
 * block of a cluster, the cluster's barrier (9.7.13.4 barrier.cluster). {@link Wave} runs it.
 */
final class Block {
    /** Ends a launch whose block cannot go on; the finding is already reported. */
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;

        Stopped() {
            super(null, null, false, false);
        }
    }

    private static final class Bar {
        final List<Warp> waiting = new ArrayList<>();
        final Clock clock;
        Instruction first;
        int threads, arrived; // threads: -1 for all

        Bar(long block) {
            clock = new Clock(block);
        }
    }

    /** The cluster's barrier. What a relaxed arrival shows to others: the mbarriers that it has fenced, no data. */
    private static final class ClusterBar {
        final List<Warp> waiting = new ArrayList<>();
        Clock arriving, inits, done, doneInits;
        int arrived, phase;
    }

    final Simulator sim;
    final KernelCode program;
    final Memory shared;
    final Warp[] warps;
    byte[] params;
    final Map<Integer, AsyncCopies.Mbarrier> mbarriers = new HashMap<>();
    final long[] executed, lanes; // by instruction
    /** Work space of {@link TensorCore}. */
    final float[] matrixA = new float[256], matrixB = new float[128], matrixC = new float[128];

    final short[] matrices = new short[256];
    long sequence;
    /** Epochs of global memory below are over when it starts; below {@code waitedFloor}, after griddepcontrol.wait. */
    long floor, waitedFloor;

    Wave wave;
    /** The blocks of its cluster, by rank; itself alone if there is none. */
    Block[] cluster;

    private final Bar[] bars = new Bar[16];
    private ClusterBar clusterBar; // of the first block of a cluster
    private final List<int[]> arrays;
    private final int threads;
    private Instruction lastRegisters;
    private boolean waited; // by griddepcontrol.wait

    Block(Simulator sim, KernelCode program, int threads, int dynamicShared) {
        this.sim = sim;
        this.program = program;
        this.threads = threads;
        arrays = new ArrayList<>(program.shared);
        if (dynamicShared > 0) arrays.add(new int[] {program.dynamicShared, dynamicShared});
        int top = 256;
        for (int[] a : arrays) top = Math.max(top, a[0] + a[1] + 256);
        shared = new Memory("shared", 0, top + 15 & ~15, sim.checked);
        warps = new Warp[(threads + 31) / 32];
        for (int w = 0; w < warps.length; w++) warps[w] = new Warp(this, w);
        executed = sim.counters.executed(program);
        lanes = sim.counters.lanes(program);
    }

    /** Gets ready; {@code first} is the number of the first block that runs at the same time. */
    void start(byte[] params, int[] block3, int[] grid3, int[] threads3, long sequence, long first) {
        this.params = params;
        this.sequence = sequence;
        if (sim.checked || !arrays.isEmpty()) shared.clear(arrays);
        shared.races.forgetBefore(first);
        mbarriers.clear();
        for (int k = 0; k < 16; k++) bars[k] = null;
        clusterBar = new ClusterBar();
        lastRegisters = null;
        waited = false;
        for (Warp w : warps) w.start(block3, grid3, threads3, threads);
    }

    /** All warps have ended. */
    void atEnd() {
        for (Warp w : warps) w.async.atEnd();
        if (sim.checked
                && !waited
                && floor < waitedFloor) { // else the next launch's wait would not cover the one before
            warps[0].report(MISSING_WAIT, program.code[0], "a dependent launch without griddepcontrol.wait");
        }
        if (lastRegisters == null) return;
        int start = startRegisters(),
                sum = 0; // a setmaxnreg.inc that finds no free registers waits, for ever if none come
        for (Warp w : warps) sum += w.registers == 0 ? start : w.registers;
        if (sum > start * warps.length) {
            warps[0].report(
                    DEADLOCK,
                    lastRegisters,
                    "the warps end with " + sum + " registers a lane in sum, the block " + "started with "
                            + warps.length + " x " + start + ": setmaxnreg.inc would wait for ever");
        }
    }

    /** griddepcontrol.wait: all launches before this one have ended, and their writes are seen. */
    void waitForLaunches(Warp w) {
        waited = true;
        w.vc.floor = Math.max(w.vc.floor, waitedFloor);
    }

    /** What ptxas gives a kernel with setmaxnreg, whose launch bounds ask for one block: all registers, in eights. */
    private int startRegisters() {
        return Math.min(248, 65536 / (warps.length * 32) & ~7);
    }

    void setRegisters(Warp w, Instruction in, int n) {
        w.registers = n;
        lastRegisters = in;
    }

    void changed() {
        wave.changed();
    }

    /** A warp has ended: the others need not wait for it. */
    void ended() {
        for (Bar bar : bars) if (bar != null) release(bar);
        releaseCluster();
    }

    boolean over() {
        return alive() == 0;
    }

    /** bar.sync: without a count (-1) all warps of the block that have not ended; bar.arrive, which does not wait. */
    void arrive(Warp w, Instruction in, int id, int count, boolean waits) {
        Bar bar = bars[id & 15];
        if (bar == null) bar = bars[id & 15] = new Bar(sequence);
        if (bar.arrived == 0) {
            bar.first = in;
            bar.threads = count;
        } else if (bar.threads != count || count < 0 && bar.first != in) {
            w.report(DIVERGENCE, in, "warp " + w.id + " is at barrier " + id + " here, another at " + bar.first);
        }
        bar.clock.join(w.vc);
        w.tick();
        bar.arrived += 32;
        if (count >= 0 && bar.arrived > count) {
            w.report(DIVERGENCE, in, bar.arrived + " threads come to barrier " + id + ", which is for " + count);
        }
        if (waits) {
            w.atBarrier = in;
            bar.waiting.add(w);
        }
        changed();
        release(bar);
    }

    private void release(Bar bar) {
        if (bar.arrived == 0) return;
        if (bar.threads >= 0 ? bar.arrived < bar.threads : bar.waiting.size() < alive()) return;
        for (Warp w : bar.waiting) {
            w.atBarrier = null;
            w.vc.join(bar.clock);
            w.tick();
        }
        bar.waiting.clear();
        bar.arrived = 0;
        changed();
    }

    /** barrier.cluster.arrive; {@code relaxed}: it orders no memory but the mbarriers that fence.mbarrier_init covers. */
    void arriveCluster(Warp w, boolean relaxed) {
        ClusterBar bar = cluster[0].clusterBar;
        if (bar.arriving == null) {
            bar.arriving = new Clock(0);
            bar.inits = new Clock(0);
        }
        if (!relaxed) bar.arriving.join(w.vc);
        if (w.inits != null) bar.inits.join(w.inits);
        w.tick();
        w.clusterPhase = bar.phase + 1;
        bar.arrived++;
        releaseCluster();
    }

    private void releaseCluster() {
        ClusterBar bar = cluster[0].clusterBar;
        int alive = 0;
        for (Block b : cluster) alive += b.alive();
        if (bar.arrived == 0 || bar.arrived < alive) return;
        bar.phase++;
        bar.arrived = 0;
        bar.done = Clock.copy(bar.arriving);
        bar.doneInits = Clock.copy(bar.inits);
        for (Warp w : bar.waiting) {
            w.atBarrier = null;
            learn(w, bar);
        }
        bar.waiting.clear();
        changed();
    }

    private static void learn(Warp w, ClusterBar bar) {
        w.vc.join(bar.done);
        if (w.inits == null) w.inits = new Clock(w.block.sequence);
        w.inits.join(bar.doneInits);
        w.tick();
    }

    void waitCluster(Warp w, Instruction in) {
        ClusterBar bar = cluster[0].clusterBar;
        if (w.clusterPhase == 0) w.report(DIVERGENCE, in, "barrier.cluster.wait without an arrive");
        if (bar.phase >= w.clusterPhase) {
            learn(w, bar);
            return;
        }
        w.atBarrier = in;
        bar.waiting.add(w);
    }

    /** Rank of a block of the cluster in the upper bits of a shared::cluster address (mapa), plus one; 0 is this block. */
    static final int RANK = 24;

    /** The block that a shared::cluster address lies in, or null. */
    Block at(int address) {
        int rank = address >>> RANK;
        return rank == 0 ? this : rank <= cluster.length ? cluster[rank - 1] : null;
    }

    private int alive() {
        int n = 0;
        for (Warp w : warps) if (w.live != 0) n++;
        return n;
    }
}
