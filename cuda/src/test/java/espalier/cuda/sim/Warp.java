package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * 32 lanes: their registers, program counters and clock (PTX ISA 3.1 "SIMT", 9.7.12 control flow).
 *
 * <p>The lanes with the lowest program counter run first, until they jump away, meet other lanes or reach an
 * instruction that needs lanes which are not there yet; those then wait. That is one of the schedules that independent
 * thread scheduling allows; {@link Races} judges the accesses as if every other were possible.
 */
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

    /** Lanes that have not ended; that wait for others at a collective; that failed an mbarrier try. */
    int live, waiting, parked;
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

    private final int[] pc = new int[32];
    private Memory local; // null until it is used
    private final int[][] unset; // registers that are neither special nor constant

    Warp(Block block, int id) {
        this.block = block;
        this.id = id;
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
        int lanes = Math.min(32, threads - id * 32);
        live = lanes == 32 ? -1 : (1 << lanes) - 1;
        waiting = parked = 0;
        atBarrier = null;
        Arrays.fill(pc, 0);
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

    private void setPc(int m, int to) {
        for (int s = m; s != 0; s &= s - 1) pc[Integer.numberOfTrailingZeros(s)] = to;
    }

    /** Runs until all lanes have ended or wait, or the slice is used up. */
    void run(int slice) {
        Instruction[] code = block.code.code;
        long[] executed = block.executed, lanes = block.lanes;
        choose:
        while (live != 0 && atBarrier == null) {
            int pick = live & ~waiting & ~parked, at = Integer.MAX_VALUE, next = Integer.MAX_VALUE, mask = 0;
            if (pick == 0) {
                if (parked != 0) {
                    parked = 0;
                    return;
                }
                mask = complete();
                if (mask == 0) {
                    stuck();
                    return;
                }
                waiting &= ~mask;
                at = pc[Integer.numberOfTrailingZeros(mask)];
            } else {
                for (int s = pick; s != 0; s &= s - 1) at = Math.min(at, pc[Integer.numberOfTrailingZeros(s)]);
                for (int s = pick; s != 0; s &= s - 1) {
                    int l = Integer.numberOfTrailingZeros(s);
                    if (pc[l] == at) mask |= 1 << l;
                    else next = Math.min(next, pc[l]);
                }
            }
            while (true) {
                if (--slice < 0) {
                    setPc(mask, at);
                    block.wave.spend(this, code[at]);
                    return;
                }
                Instruction in = code[at];
                int m = in.predicate < 0 ? mask : mask & (in.negated ? ~p[in.predicate] : p[in.predicate]);
                executed[at]++;
                lanes[at] += Integer.bitCount(m);
                if (products.isOpen() && m != 0) products.checkRegisters(in);
                switch (in.kind) {
                    case PLAIN -> {
                        if (m != 0) in.body.run(this, in, m);
                        at++;
                        if (parked != 0 && (parked & mask) != 0) {
                            setPc(mask, at);
                            continue choose;
                        }
                    }
                    case BRANCH -> {
                        if (m == mask) {
                            at = in.target;
                        } else if (m == 0) {
                            at++;
                        } else {
                            setPc(m, in.target);
                            setPc(mask & ~m, at + 1);
                            continue choose;
                        }
                    }
                    case EXIT -> {
                        setPc(mask, at + 1);
                        if (m != 0) {
                            in.body.run(this, in, m);
                            block.changed();
                            if (live == 0) block.ended();
                        }
                        continue choose;
                    }
                    case COLLECTIVE -> {
                        if (m == 0) {
                            at++;
                            break;
                        }
                        int here = m;
                        for (int s = waiting; s != 0; s &= s - 1) {
                            int l = Integer.numberOfTrailingZeros(s);
                            if (pc[l] == at) here |= 1 << l;
                        }
                        if ((in.members.of(this, in, here) & live & ~here) != 0) { // some are missing: wait for them
                            setPc(mask & ~m, at + 1);
                            setPc(m, at);
                            waiting |= m;
                            continue choose;
                        }
                        waiting &= ~here;
                        in.body.run(this, in, here);
                        at++;
                        if (here != mask || atBarrier != null) {
                            setPc(mask | here, at);
                            continue choose;
                        }
                    }
                }
                if (at >= next) {
                    setPc(mask, at);
                    continue choose;
                }
            }
        }
    }

    private int complete() { // the waiting lanes whose missing partners have ended meanwhile
        for (int s = waiting; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), here = at(pc[l]);
            Instruction in = block.code.code[pc[l]];
            if ((in.members.of(this, in, here) & live & ~here) == 0) return here;
        }
        return 0;
    }

    private int at(int where) {
        int m = 0;
        for (int s = waiting; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            if (pc[l] == where) m |= 1 << l;
        }
        return m;
    }

    private void stuck() {
        int first = pc[Integer.numberOfTrailingZeros(waiting)], here = at(first), rest = waiting & ~here;
        Instruction in = block.code.code[first];
        report(
                DIVERGENCE,
                in,
                "lanes " + Instruction.hex(here) + " wait here for lanes "
                        + Instruction.hex(in.members.of(this, in, here) & live & ~here)
                        + (rest == 0
                                ? ", which never come"
                                : "; lanes " + Instruction.hex(rest) + " wait at "
                                        + code(Integer.numberOfTrailingZeros(rest))));
        throw new Block.Stopped();
    }

    /** The barrier that it waits at, or where the first live lane stands. */
    Instruction place() {
        return atBarrier != null ? atBarrier : code(Integer.numberOfTrailingZeros(live));
    }

    private Instruction code(int lane) {
        return block.code.code[pc[lane]];
    }
}
