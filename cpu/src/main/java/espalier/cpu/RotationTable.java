package espalier.cpu;

import espalier.tensor.Ops;
import espalier.tensor.host.Cells;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/**
 * Cosines and sines of one {@link Ops.Rope}, computed when a position is first met and kept: in double precision they
 * cost more than the rotation itself. Read by many threads, filled by the device's. Memory for the longest context may be
 * reserved, of which the system backs what is filled.
 */
final class RotationTable {
    private static final int PAGE = 64;

    private final Arena arena;
    private final float[] frequencies;
    private final float factor;
    /** For each 64 positions, the address of [64, 2, half]: cosines, then sines. */
    private long[] pages = new long[16];

    private int count;

    /** Of pages from 0 on. */
    private long reserved;

    private int reservedPages;

    RotationTable(Arena arena, Ops.Rope rope) {
        this.arena = arena;
        this.factor = rope.attentionFactor();
        frequencies = new float[rope.rotaryDim() / 2];
        for (int j = 0; j < frequencies.length; j++) {
            frequencies[j] = Cells.number(rope.frequencies(), 0, j);
        }
    }

    /** What {@link #reserve} takes. */
    static long bytes(int rotaryDim, int positions) {
        return Math.ceilDiv(positions, PAGE) * pageBytes(rotaryDim / 2);
    }

    private static long pageBytes(int half) {
        return 8L * PAGE * half;
    }

    /** Takes memory for so many positions, before the first is met. */
    void reserve(int positions) {
        if (count == 0 && reservedPages == 0) {
            reserved = Mapping.allocate(arena, bytes(2 * frequencies.length, positions))
                    .address();
            reservedPages = Math.ceilDiv(positions, PAGE);
            pages = new long[reservedPages];
        }
    }

    long reservedBytes() {
        return reservedPages * pageBytes(frequencies.length);
    }

    /** Makes {@link #cosines} and {@link #sines} work up to this position. */
    void reach(int position) {
        while (count <= position / PAGE) {
            long bytes = pageBytes(frequencies.length);
            long page = count < reservedPages
                    ? reserved + count * bytes
                    : arena.allocate(bytes, 64).address();
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
