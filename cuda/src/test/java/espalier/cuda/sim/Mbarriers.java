package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.MBARRIER;

import java.util.ArrayList;
import java.util.List;

/**
 * mbarrier objects (PTX ISA 9.7.13.15): phases that end when enough threads have arrived and enough bytes have come. A
 * phase that has ended orders what its arrivals came after before what its waits come before.
 *
 * <p>{@link Transfers} that end at an mbarrier land when a warp finds that the phase is otherwise complete: as late as the
 * program leaves it.
 */
final class Mbarriers {
    /** Numbers of copy engines among the warps of a {@link Clock}. */
    private static final int ENGINES = 32;

    /** What the current phase still waits for, and the clocks of those that have arrived. */
    static final class Mbarrier {
        final int count, engine, initClock;
        final Warp by;
        final Clock arriving, done;
        final List<Transfers.Transfer> transfers = new ArrayList<>();
        int pending, bytes, phase, engineClock;
        boolean fenced;

        Mbarrier(Warp by, int count, int engine) {
            this.by = by;
            this.count = count;
            this.engine = engine;
            pending = count;
            initClock = by.vc.own[by.id];
            arriving = new Clock(by.block.sequence);
            done = new Clock(by.block.sequence);
        }

        private void advance(Block block) {
            if (pending == 0 && bytes == 0 && transfers.isEmpty()) {
                phase ^= 1;
                pending = count;
                done.join(arriving);
                block.changed();
            }
        }

        boolean begun() {
            return pending != count || bytes != 0;
        }

        @Override
        public String toString() {
            return pending + " of " + count + " arrivals and " + bytes + " bytes missing";
        }
    }

    private Mbarriers() {}

    /** The mbarrier at an address of {@code block}; only st.async and remote arrivals reach another block's. */
    static Mbarrier find(Warp w, Instruction in, int lane, Block block, int at) {
        Mbarrier b = block.mbarriers.get(at);
        if (b == null) {
            w.report(MBARRIER, in, "no mbarrier was initialised at " + block.shared.describe(at));
        } else if (w.block.sim.checked && !knowsInit(w, b)) {
            block.shared.races.read(w, in, lane, at, 8, block.shared); // ordered after its mbarrier.init?
        }
        return b;
    }

    private static boolean knowsInit(Warp w, Mbarrier b) {
        return b.fenced && w.inits != null && w.inits.known(b.by.block.sequence, b.by.id) >= b.initClock;
    }

    static void init(Warp w, Instruction in, int m, int[] at, int[] count) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = w.block.shared.forWrite(w, in, l, at[l], 8);
            if (i >= 0) {
                w.block.shared.wrote(w, in, l, i, 8);
                w.block.shared.mark(i, 8, Memory.BARRIER);
                int engine = ENGINES + w.block.mbarriers.size() % ENGINES;
                w.block.mbarriers.put(i, new Mbarrier(w, count[l], engine));
            }
        }
    }

    /** mbarrier.inval: the bytes are plain memory again. */
    static void invalidate(Warp w, Instruction in, int m, int[] at) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarrier b = find(w, in, l, w.block, at[l]);
            if (b != null) {
                if (b.begun() || !b.transfers.isEmpty()) {
                    w.report(MBARRIER, in, "invalidated while " + b);
                }
                w.block.mbarriers.remove(at[l]);
                w.block.shared.mark(at[l], 8, Memory.RAW);
            }
        }
    }

    /** fence.mbarrier_init, fence.proxy.async: TMA and the cluster may use the mbarriers that this warp has initialised. */
    static void fenceInit(Warp w) {
        for (Mbarrier b : w.block.mbarriers.values()) {
            b.fenced |= b.by == w;
        }
        Clock before = w.inits; // what a cluster's barrier has told of others' stays known
        w.inits = Clock.copy(w.vc);
        if (before != null) {
            w.inits.join(before);
        }
    }

    static void arrive(Warp w, Instruction in, Mbarrier b, int count, int expected) {
        if (b.pending < count) {
            w.report(MBARRIER, in, "more arrivals than the " + b.count + " of its init");
        }
        b.arriving.join(w.vc);
        b.pending = Math.max(0, b.pending - count);
        b.bytes += expected;
        b.advance(b.by.block);
        w.block.changed();
    }

    /** Which lanes arrive how often, and how many bytes they expect (each null for none); {@code arrives}: or expect only. */
    record Arrival(int at, int count, int expected, boolean arrives) {}

    /**
     * mbarrier.arrive, with its count and the transaction bytes of .expect_tx (slots, -1 for none), also of another block of
     * the cluster; mbarrier.expect_tx. An arrival releases what this warp has done.
     */
    static void arrive(Warp w, Instruction in, int m, Arrival a) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), address = w.r[a.at][l];
            Block there = w.block.at(address);
            Mbarrier b = there == null ? null : find(w, in, l, there, address & (1 << Block.RANK) - 1);
            if (there == null || there != w.block && there.over()) {
                w.report(
                        MBARRIER,
                        in,
                        there == null ? "no block of the cluster has that address" : "the block has ended");
            } else if (b != null) {
                int expected = a.expected < 0 ? 0 : w.r[a.expected][l];
                arrive(w, in, b, !a.arrives ? 0 : a.count < 0 ? 1 : w.r[a.count][l], expected);
            }
        }
        w.tick();
    }

    /**
     * mbarrier.try_wait.parity: true once the phase of that parity is over; else the lanes rest while others run. test_wait
     * ({@code rests} false) lets them go on.
     */
    static void await(Warp w, Instruction in, int m, int d, int[] at, int[] parity, boolean rests) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarrier b = find(w, in, l, w.block, at[l]);
            if (b != null && b.phase == parity[l] && b.pending == 0) {
                finish(w, in, b);
            }
            boolean over = b == null || b.phase != parity[l];
            if (over && b != null) {
                w.vc.join(b.done);
            }
            w.p[d] = over ? w.p[d] | 1 << l : w.p[d] & ~(1 << l);
            if (!over && rests) {
                w.parked |= 1 << l;
            }
        }
    }

    private static void finish(Warp w, Instruction in, Mbarrier b) { // all have arrived: now the transfers must be over
        for (Transfers.Transfer t : b.transfers) {
            t.land(b);
            b.bytes -= t.bytes();
        }
        b.transfers.clear();
        b.arriving.own[b.engine] = b.engineClock;
        if (b.bytes < 0) {
            w.report(MBARRIER, in, -b.bytes + " bytes more have arrived than were expected");
            b.bytes = 0;
        }
        b.advance(w.block);
    }
}
