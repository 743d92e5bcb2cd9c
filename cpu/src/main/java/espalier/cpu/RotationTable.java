package espalier.cpu;

import espalier.tensor.Ops;
import espalier.tensor.host.Cells;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/**
 * Cosines and sines of one {@link Ops.Rope}, computed when a position is first met and kept: in double precision they
 * cost more than the rotation itself. Read by many threads, filled by the device's.
 */
final class RotationTable {
    private static final int PAGE = 64;

    private final Arena arena;
    private final float[] frequencies;
    private final float factor;
    /** For each 64 positions, the address of [64, 2, half]: cosines, then sines. */
    private long[] pages = new long[16];

    private int count;

    RotationTable(Arena arena, Ops.Rope rope) {
        this.arena = arena;
        this.factor = rope.attentionFactor();
        frequencies = new float[rope.rotaryDim() / 2];
        for (int j = 0; j < frequencies.length; j++) {
            frequencies[j] = Cells.number(rope.frequencies(), 0, j);
        }
    }

    /** Makes {@link #cosines} and {@link #sines} work up to this position. */
    void reach(int position) {
        while (count <= position / PAGE) {
            long page = arena.allocate(8L * PAGE * frequencies.length, 64).address();
            int first = count * PAGE;
            for (int i = 0; i < PAGE; i++) {
                fill(page + 8L * i * frequencies.length, first + i);
            }
            if (count == pages.length) {
                pages = java.util.Arrays.copyOf(pages, 2 * count);
            }
            pages[count++] = page;
        }
    }

    private void fill(long at, int position) {
        int half = frequencies.length;
        for (int j = 0; j < half; j++) {
            float angle = position * frequencies[j];
            Lanes.ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 4L * j, (float) (Math.cos(angle) * factor));
            Lanes.ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 4L * (half + j), (float) (Math.sin(angle) * factor));
        }
    }

    long cosines(int position) {
        return pages[position / PAGE] + 8L * (position % PAGE) * frequencies.length;
    }

    long sines(int position) {
        return cosines(position) + 4L * frequencies.length;
    }
}
