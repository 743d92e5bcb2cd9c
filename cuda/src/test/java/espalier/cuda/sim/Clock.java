package espalier.cuda.sim;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * A vector clock: what a warp, a barrier, an mbarrier or a word of atomics knows of the clocks of all warps and copy
 * engines. Those of its own block are an array; those of other blocks come through atomics and cluster barriers only.
 */
final class Clock {
    static final int SIZE = 128, HALF = SIZE / 2;

    /** 32 warps and 32 copy engines; then the same up to which a fence.proxy.async has shown writes to that proxy. */
    final int[] own = new int[SIZE];
    /** Number of its block; 0 for a word of global memory. */
    private long block;

    private Map<Long, int[]> others; // null: nothing of other blocks
    /** Epochs of global memory below this one are known to have ended, as their launch has. */
    long floor;

    Clock(long block) {
        this.block = block;
    }

    static Clock copy(Clock c) {
        var x = new Clock(c.block);
        x.join(c);
        return x;
    }

    void reset(long block, long floor) {
        this.block = block;
        this.floor = floor;
        Arrays.fill(own, 0);
        others = null;
    }

    void join(Clock c) {
        floor = Math.max(floor, c.floor);
        if (c.block == block) max(own, c.own, SIZE);
        else if (c.block != 0) max(of(c.block), c.own, HALF);
        if (c.others != null) c.others.forEach((b, v) -> max(of(b), v, HALF));
    }

    private int[] of(long b) {
        if (b == block) return own;
        if (others == null) others = new HashMap<>();
        return others.computeIfAbsent(b, _ -> new int[HALF]);
    }

    private static void max(int[] into, int[] from, int n) {
        for (int k = 0; k < n; k++) into[k] = Math.max(into[k], from[k]);
    }

    /** The clock of a warp or engine of another block up to which this one knows. */
    int known(long b, int warp) {
        if (b == block) return own[warp];
        int[] v = others == null ? null : others.get(b);
        return v == null ? 0 : v[warp];
    }
}
