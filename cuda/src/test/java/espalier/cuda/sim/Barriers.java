package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The sixteen barriers of a block (PTX ISA 9.7.13.1 to 9.7.13.3: bar, barrier), which order its warps' memory. */
final class Barriers {
    private static final int COUNT = 16;

    /** What a warp gets at a reducing barrier: for how many of how many threads the predicate held. */
    interface Votes {
        void counted(int yes, int threads);
    }

    private static final class Bar {
        final List<Warp> waiting = new ArrayList<>();
        final List<Votes> voters = new ArrayList<>();
        final Clock clock;
        Instruction first;
        int threads, arrived, yes, voted; // threads: -1 for all

        Bar(long block) {
            clock = new Clock(block);
        }
    }

    private final Block block;
    private final Bar[] bars = new Bar[COUNT];

    Barriers(Block block) {
        this.block = block;
    }

    void clear() {
        Arrays.fill(bars, null);
    }

    private Bar bar(int id) {
        int k = id & COUNT - 1;
        if (bars[k] == null) {
            bars[k] = new Bar(block.sequence);
        }
        return bars[k];
    }

    /** What a warp adds to a reducing barrier, before it arrives there. */
    void vote(Warp w, int id, int yes, Votes votes) {
        Bar bar = bar(id);
        bar.yes += yes;
        bar.voted += Integer.bitCount(w.live);
        bar.voters.add(votes);
    }

    /** bar.sync: without a count (-1) all warps of the block that have not ended; bar.arrive, which does not wait. */
    void arrive(Warp w, Instruction in, int id, int count, boolean waits) {
        Bar bar = bar(id);
        if (bar.arrived == 0) {
            bar.first = in;
            bar.threads = count;
        } else if (bar.threads != count || count < 0 && bar.first != in) {
            w.report(DIVERGENCE, in, "warp " + w.id + " is at barrier " + id + " here, another at " + bar.first);
        }
        bar.clock.join(w.vc);
        w.tick();
        bar.arrived += Alu.LANES;
        if (count >= 0 && bar.arrived > count) {
            w.report(DIVERGENCE, in, bar.arrived + " threads come to barrier " + id + ", which is for " + count);
        }
        if (waits) {
            w.atBarrier = in;
            bar.waiting.add(w);
        }
        block.changed();
        release(bar);
    }

    /** A warp has ended: the others need not wait for it. */
    void ended() {
        for (Bar bar : bars) {
            if (bar != null) {
                release(bar);
            }
        }
    }

    private void release(Bar bar) {
        if (bar.arrived == 0 || (bar.threads >= 0 ? bar.arrived < bar.threads : bar.waiting.size() < block.alive())) {
            return;
        }
        for (Warp w : bar.waiting) {
            w.atBarrier = null;
            w.vc.join(bar.clock);
            w.tick();
        }
        bar.voters.forEach(v -> v.counted(bar.yes, bar.voted));
        bar.voters.clear();
        bar.waiting.clear();
        bar.arrived = bar.yes = bar.voted = 0;
        block.changed();
    }
}
