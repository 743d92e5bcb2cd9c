package espalier.cpu;

import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;

import espalier.tensor.DType;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Copies between stored rows and the layouts that the loops read. A "block" is {@code 2 L} elements: one vector of 16-bit
 * elements, two of floats. Where a row ends inside a block the rest is zero.
 */
final class Packing {
    /** Elements in a block. */
    static final int BLOCK = 2 * L;

    private Packing() {}

    /** Whether a format's elements are widened into even and odd ones. */
    static boolean isSplit(DType dtype) {
        return switch (dtype) {
            case BF16, F16 -> true;
            case F32, I32 -> false;
        };
    }

    static int blocks(int count) {
        return (count + BLOCK - 1) / BLOCK;
    }

    /**
     * Elements {@code [from, from + count)} of a stored row as floats, in the format's order; vector {@code i} goes to
     * {@code to + i * stride}. {@code from} is a multiple of a block.
     */
    static void widen(DType dtype, long row, int from, int count, long to, long stride) {
        switch (dtype) {
            case BF16 -> widenBf16(row + 2L * from, count, to, stride);
            case F16 -> widenF16(row + 2L * from, count, to, stride);
            case F32 -> widenF32(row + 4L * from, count, to, stride);
            case I32 -> throw new IllegalArgumentException("integers where numbers are wanted");
        }
    }

    private static void widenBf16(long from, int count, long to, long stride) {
        int whole = count / BLOCK;
        for (int i = 0; i < whole; i++) {
            IntVector v = Lanes.loadInts(from + (long) i * V);
            Lanes.store(Lanes.evenBf16(v), to + 2 * i * stride);
            Lanes.store(Lanes.oddBf16(v), to + (2 * i + 1) * stride);
        }
        if (whole * BLOCK < count) {
            IntVector v = Lanes.loadPairs(from + (long) whole * V, count - whole * BLOCK);
            Lanes.store(Lanes.evenBf16(v), to + 2 * whole * stride);
            Lanes.store(Lanes.oddBf16(v), to + (2 * whole + 1) * stride);
        }
    }

    private static void widenF16(long from, int count, long to, long stride) {
        int whole = count / BLOCK;
        for (int i = 0; i < whole; i++) {
            IntVector v = Lanes.loadInts(from + (long) i * V);
            Lanes.store(Lanes.evenF16(v), to + 2 * i * stride);
            Lanes.store(Lanes.oddF16(v), to + (2 * i + 1) * stride);
        }
        if (whole * BLOCK < count) {
            IntVector v = Lanes.loadPairs(from + (long) whole * V, count - whole * BLOCK);
            Lanes.store(Lanes.evenF16(v), to + 2 * whole * stride);
            Lanes.store(Lanes.oddF16(v), to + (2 * whole + 1) * stride);
        }
    }

    private static void widenF32(long from, int count, long to, long stride) {
        int whole = count / L;
        for (int i = 0; i < whole; i++) {
            Lanes.store(Lanes.load(from + (long) i * V), to + i * stride);
        }
        int rest = count - whole * L;
        for (int i = whole; i < 2 * blocks(count); i++, rest = 0) {
            Lanes.store(rest > 0 ? Lanes.load(from + (long) i * V, Lanes.first(rest)) : Lanes.zero(), to + i * stride);
        }
    }

    /**
     * Whole blocks of four stored rows as a panel, [vector, row, L]: four streams at once keep more of memory's requests
     * in flight than row after row.
     */
    static void panel(DType dtype, long w0, long w1, long w2, long w3, int blocks, long to) {
        switch (dtype) {
            case BF16 -> panelBf16(w0, w1, w2, w3, blocks, to);
            case F16 -> panelF16(w0, w1, w2, w3, blocks, to);
            case F32 -> panelF32(w0, w1, w2, w3, blocks, to);
            case I32 -> throw new IllegalArgumentException("integers where numbers are wanted");
        }
    }

    private static void panelBf16(long w0, long w1, long w2, long w3, int blocks, long to) {
        for (int i = 0; i < blocks; i++) {
            long from = (long) i * V;
            long at = to + (long) i * (8 * V);
            IntVector v0 = Lanes.loadInts(w0 + from);
            IntVector v1 = Lanes.loadInts(w1 + from);
            IntVector v2 = Lanes.loadInts(w2 + from);
            IntVector v3 = Lanes.loadInts(w3 + from);
            Lanes.store(Lanes.evenBf16(v0), at);
            Lanes.store(Lanes.evenBf16(v1), at + V);
            Lanes.store(Lanes.evenBf16(v2), at + 2 * V);
            Lanes.store(Lanes.evenBf16(v3), at + 3 * V);
            Lanes.store(Lanes.oddBf16(v0), at + 4 * V);
            Lanes.store(Lanes.oddBf16(v1), at + 5 * V);
            Lanes.store(Lanes.oddBf16(v2), at + 6 * V);
            Lanes.store(Lanes.oddBf16(v3), at + 7 * V);
        }
    }

    /** Row after row: widening eight vectors of f16 in one loop is more than C2 inlines. */
    private static void panelF16(long w0, long w1, long w2, long w3, int blocks, long to) {
        int count = blocks * BLOCK;
        widenF16(w0, count, to, 4L * V);
        widenF16(w1, count, to + V, 4L * V);
        widenF16(w2, count, to + 2 * V, 4L * V);
        widenF16(w3, count, to + 3 * V, 4L * V);
    }

    private static void panelF32(long w0, long w1, long w2, long w3, int blocks, long to) {
        for (int i = 0; i < 2 * blocks; i++) {
            long from = (long) i * V;
            long at = to + (long) i * (4 * V);
            Lanes.store(Lanes.load(w0 + from), at);
            Lanes.store(Lanes.load(w1 + from), at + V);
            Lanes.store(Lanes.load(w2 + from), at + 2 * V);
            Lanes.store(Lanes.load(w3 + from), at + 3 * V);
        }
    }

    /** A row of floats, split: vector {@code i} goes to {@code to + i * stride}. */
    static void split(long from, int count, long to, long stride) {
        int whole = count / BLOCK;
        for (int i = 0; i < whole; i++) {
            FloatVector a = Lanes.load(from + (long) i * 2 * V);
            FloatVector b = Lanes.load(from + (long) i * 2 * V + V);
            Lanes.store(Lanes.evens(a, b), to + 2 * i * stride);
            Lanes.store(Lanes.odds(a, b), to + (2 * i + 1) * stride);
        }
        int rest = count - whole * BLOCK;
        if (rest > 0) {
            long at = from + (long) whole * 2 * V;
            FloatVector a = Lanes.load(at, Lanes.first(Math.min(rest, L)));
            FloatVector b = rest > L ? Lanes.load(at + V, Lanes.first(rest - L)) : Lanes.zero();
            Lanes.store(Lanes.evens(a, b), to + 2 * whole * stride);
            Lanes.store(Lanes.odds(a, b), to + (2 * whole + 1) * stride);
        }
    }

    /** The inverse of {@link #split} from consecutive vectors: {@code count} floats in natural order, no more. */
    static void unsplit(long from, int count, long to) {
        for (int i = 0; i < count; i += BLOCK) {
            FloatVector even = Lanes.load(from + 4L * i);
            FloatVector odd = Lanes.load(from + 4L * i + V);
            part(Lanes.zipLow(even, odd), to + 4L * i, count - i);
            part(Lanes.zipHigh(even, odd), to + 4L * i + V, count - i - L);
        }
    }

    private static void part(FloatVector v, long to, int count) {
        if (count >= L) {
            Lanes.store(v, to);
        } else if (count > 0) {
            Lanes.store(v, to, Lanes.first(count));
        }
    }

    /** A stored row as floats in natural order; {@code temporary} holds a row of whole blocks. */
    static void widenNatural(DType dtype, long row, int count, long to, long temporary) {
        if (isSplit(dtype)) {
            widen(dtype, row, 0, count, temporary, V);
            unsplit(temporary, count, to);
        } else {
            copyFloats(row, to, count);
        }
    }

    static void copyFloats(long from, long to, int count) {
        java.lang.foreign.MemorySegment.copy(
                Lanes.ALL, ValueLayout.JAVA_BYTE, from, Lanes.ALL, ValueLayout.JAVA_BYTE, to, 4L * count);
    }
}
