package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DEADLOCK;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;

/**
 * Blocks that run at the same time: one, a cluster, or all blocks of a launch that wait for each other.
 *
 * <p>Their warps run one after another, each until it waits. Seed 0 takes them in order, 1 in reverse, others in random
 * order with random slices. If nothing changes for three rounds, the wave is deadlocked.
 */
final class Wave {
    private final Simulator sim;
    private final List<Block> blocks;
    private final List<Warp> order = new ArrayList<>();
    private final int seed;
    private final Random random;
    private long budget;
    private boolean progress;
    /** What %clock64 shows: it grows with every look, and with nothing else. */
    long time;

    Wave(Simulator sim, List<Block> blocks, int seed, long sequence) {
        this.sim = sim;
        this.blocks = blocks;
        this.seed = seed;
        random = new Random(seed * 1000003L + sequence);
        budget = sim.instructionLimit * blocks.size();
        for (Block b : blocks) order.addAll(List.of(b.warps));
        if (seed == 1) Collections.reverse(order);
    }

    void run() {
        for (int idle = 0; ; ) {
            if (seed > 1) Collections.shuffle(order, random);
            boolean alive = false;
            progress = false;
            for (Warp w : order) {
                if (w.live != 0 && w.atBarrier == null) w.run(seed > 1 ? 20 + random.nextInt(3000) : 100_000);
                alive |= w.live != 0;
            }
            if (!alive) break;
            idle = progress ? 0 : idle + 1;
            if (idle > 2) deadlock();
        }
        for (Block b : blocks) b.atEnd();
    }

    /** Something happened that may let another warp go on. */
    void changed() {
        progress = true;
    }

    /** A slice is used up. */
    void spend(Warp w, Instruction at) {
        progress = true;
        budget -= seed > 1 ? 1500 : 100_000;
        if (budget > 0) return;
        sim.report(DEADLOCK, at, w, "the block runs past " + sim.instructionLimit + " warp instructions");
        throw new Block.Stopped();
    }

    private void deadlock() {
        var text = new StringBuilder("no warp can go on:");
        Warp first = null;
        for (Block b : blocks) {
            var places = new LinkedHashMap<String, List<Integer>>();
            for (Warp w : b.warps) {
                if (w.live == 0) continue;
                if (first == null) first = w;
                places.computeIfAbsent(w.place().where, _ -> new ArrayList<>()).add(w.id);
            }
            String which = blocks.size() > 1 ? " block " + blocks.indexOf(b) : "";
            places.forEach((where, ids) -> text.append(which + " warps " + ids + " at " + where + ";"));
            b.mbarriers.forEach((at, m) -> { // those whose phase has begun
                if (m.begun()) text.append(" mbarrier at " + b.shared.describe(at) + ": " + m + ";");
            });
        }
        sim.report(DEADLOCK, first.place(), first, text.toString());
        throw new Block.Stopped();
    }
}
