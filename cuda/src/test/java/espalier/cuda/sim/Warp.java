package espalier.cuda.sim;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** 32 lanes: their registers, what runs beside them, and the warp's clock. {@link Lanes} says which go next. */
final class Warp {
    private static final int LOCAL_RED_ZONE = 128;

    final int id;
    final Block block;
    final int[][] r;
    final long[][] q;
    final int[] p;
    final int[] scratch = new int[32];
    final long[] longScratch = new long[32], at = new long[32];
    final CopyGroups copies = new CopyGroups(this);
    final BulkStores stores = new BulkStores(this);
    final MatrixGroups products = new MatrixGroups(this);

    /** Lanes that have not ended; that saw nothing new where they wait for others, who go first. */
    int live, parked;
    /** The block barrier that this warp waits at. */
    Instruction atBarrier;
    /** What this warp knows of the clocks of others; {@code epoch} is its own time as {@link Races} stores it. */
    final Clock vc = new Clock(0);

    long epoch;
    /**
     * Null until there is one: what its last fence has made ready for a relaxed write to release, what relaxed reads
     * have seen and a fence would acquire, what is known of fenced mbarriers.
     */
    Clock fenced, seen, inits;
    /** The phase of the cluster's barrier that it waits for; registers a lane by setmaxnreg, or 0. */
    int clusterPhase, registers;
    /** What each strong load saw last: one that sees the same again is waiting. */
    final Map<Instruction, Long> looked = new HashMap<>();

    private final Lanes lanes;
    private Memory local; // null until it is used
    private final int[][] unset; // registers that are neither special nor constant

    Warp(Block block, int id) {
        this.block = block;
        this.id = id;
        lanes = new Lanes(this);
        KernelCode code = block.code;
        r = new int[code.ints][];
        q = new long[Math.max(1, code.longs)][];
        p = new int[code.predicates];
        for (int k = 0; k < r.length; k++) r[k] = new int[32];
        for (int k = 0; k < q.length; k++) q[k] = new long[32];
        code.intConstants.forEach((slot, v) -> Arrays.fill(r[slot], v));
        unset = IntStream.range(Registers.SPECIAL.size(), r.length)
                .filter(k -> !code.intConstants.containsKey(k))
                .mapToObj(k -> r[k])
                .toArray(int[][]::new);
        code.longConstants.forEach((slot, v) -> Arrays.fill(q[slot], v));
    }

    /** Starts a block: special registers are set, the others hold nothing. */
    void start(int[] place, int[] grid, int[] size, int threads) {
        if (block.sim.checked) for (int[] x : unset) Arrays.fill(x, 0x7fffdead); // NaN
        special(place, grid, size);
        int count = Math.min(32, threads - id * 32);
        live = count == 32 ? -1 : (1 << count) - 1;
        parked = 0;
        atBarrier = null;
        lanes.start();
        vc.reset(block.sequence, block.floor);
        fenced = seen = inits = null;
        clusterPhase = registers = 0;
        looked.clear();
        copies.clear();
        stores.clear();
        products.clear();
        if (local != null) {
            local.clear(localArrays());
        }
        tick();
    }

    private void special(int[] place, int[] grid, int[] size) {
        for (int l = 0; l < 32; l++) {
            int t = id * 32 + l;
            r[0][l] = t % size[0];
            r[1][l] = t / size[0] % size[1];
            r[2][l] = t / size[0] / size[1];
            for (int k = 0; k < 3; k++) {
                r[3 + k][l] = place[k];
                r[6 + k][l] = size[k];
                r[9 + k][l] = grid[k];
            }
            r[12][l] = l;
            r[13][l] = id;
            int bit = 1 << l;
            r[14][l] = bit;
            r[15][l] = bit - 1;
            r[16][l] = bit | bit - 1;
            r[17][l] = ~(bit | bit - 1);
            r[18][l] = ~(bit - 1);
            r[19][l] = block.rank();
            r[20][l] = block.cluster.length;
            r[21][l] = (int) (block.sequence % Architectures.MULTIPROCESSORS);
            r[22][l] = Architectures.MULTIPROCESSORS;
        }
    }

    /** The lanes' local memory: one after another, with a red zone behind each. */
    Memory local() {
        if (local == null) {
            local = new Memory(Space.LOCAL, 0, Alu.LANES * localStride() + LOCAL_RED_ZONE, block.sim.checked);
            local.clear(localArrays());
        }
        return local;
    }

    private int localStride() {
        return (block.code.localBytes + LOCAL_RED_ZONE + 15) / 16 * 16;
    }

    private List<int[]> localArrays() {
        return IntStream.range(0, Alu.LANES)
                .mapToObj(l -> new int[] {l * localStride(), block.code.localBytes})
                .toList();
    }

    /** Local addresses, which are the same for all lanes, as those in {@link #local}. */
    long[] interleaved(long[] addresses) {
        long[] within = new long[Alu.LANES];
        for (int l = 0; l < Alu.LANES; l++) {
            within[l] = addresses[l] + (long) l * localStride();
        }
        return within;
    }

    /** The block has ended. */
    void atEnd() {
        copies.atEnd();
        stores.atEnd();
        products.atEnd();
    }

    /** Advances this warp's clock: what it did before is separate from what it does next. */
    void tick() {
        if (++vc.own[id] > Races.MAX_CLOCK) throw new IllegalStateException("too many synchronisations for the clock");
        epoch = Races.epoch(block.sequence, id, vc.own[id]);
    }

    /** fence.proxy.async: wgmma may read what is written up to here. */
    void fenceProxy() {
        for (int k = 0; k < Clock.HALF; k++) vc.own[Clock.HALF + k] = Math.max(vc.own[Clock.HALF + k], vc.own[k]);
        tick();
    }

    /** fence.acq_rel, membar: acquires what relaxed reads have seen; what is done so far, a relaxed write may release. */
    void fence() {
        if (seen != null) vc.join(seen);
        fenced = Clock.copy(vc);
        tick();
    }

    static void keep(int[] d, int[] s, int m) {
        for (int l = 0; l < 32; l++) d[l] = (m >> l & 1) != 0 ? s[l] : d[l];
    }

    static void keep(long[] d, long[] s, int m) {
        for (int l = 0; l < 32; l++) d[l] = (m >> l & 1) != 0 ? s[l] : d[l];
    }

    long[] addresses(int slot, boolean wide, int offset) {
        if (wide) for (int l = 0; l < 32; l++) at[l] = q[slot][l] + offset;
        else for (int l = 0; l < 32; l++) at[l] = r[slot][l] + offset & 0xffffffffL;
        return at;
    }

    /** The value that the first of the lanes has. */
    int first(int slot, int m) {
        return r[slot][Integer.numberOfTrailingZeros(m)];
    }

    Counters counters() {
        return block.sim.counters;
    }

    void report(Finding.Kind kind, Instruction in, String detail) {
        block.sim.report(kind, in, this, detail);
    }

    /** Runs until all lanes have ended or wait, or the slice is used up. */
    void run(int slice) {
        lanes.run(slice);
    }

    /** The barrier that it waits at, or where the first live lane stands. */
    Instruction place() {
        return atBarrier != null ? atBarrier : lanes.place();
    }
}
