package espalier.cpu;

import static espalier.cpu.Lanes.ALL;
import static espalier.cpu.Lanes.INTS;
import static espalier.cpu.Lanes.V;
import static espalier.cpu.Lanes.load;
import static espalier.cpu.Lanes.loadInts;
import static espalier.cpu.Lanes.store;
import static espalier.cpu.Lanes.zero;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Inner loops over {@link QuadForm}s: one row of x by a quad, and a quad's outputs widened to f32 for more rows. A step is
 * two vectors of each output. Both compute a weight by the same operations and the first adds in the order of {@link
 * Tiles}, so which of them a row passes through changes no bit of its result.
 *
 * <p>A part of a lane is brought to the highest or the lowest bits by where the vector is loaded from, some bytes earlier
 * or later: loads are cheaper here than shifts.
 *
 * <p>The loops for one row spell out what a method would name: they are near the size from which C2 inlines nothing but
 * the Vector API's own methods, and a vector that goes to a method which it did not inline goes through the heap. That
 * cost three quarters of the speed.
 */
final class QuadTiles {
    private static final IntVector HIGHEST_BYTE = IntVector.broadcast(INTS, 0xff000000);
    private static final IntVector HIGHEST_NIBBLE = IntVector.broadcast(INTS, 0xf0000000);
    private static final IntVector LOWEST_NIBBLE = IntVector.broadcast(INTS, 15);

    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

    private QuadTiles() {}

    /** A number of four outputs. */
    private static FloatVector splat(long at) {
        return Lanes.splat(Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, at));
    }

    private static FloatVector number(IntVector v) {
        return (FloatVector) v.convert(VectorOperators.I2F, 0);
    }

    /** Where a step's bytes are: those of its first vector at the top of the lanes there, the others a byte later. */
    private static long highBytes(long numbers, int step) {
        return numbers + (long) (step >> 1) * (4 * V) + 2 * (step & 1) - 3;
    }

    /** Where a step's nibbles are: in the lowest byte of the lanes there. */
    private static long lowNibbles(long numbers, int step) {
        return numbers + (long) (step >> 2) * (4 * V) + (step & 3);
    }

    private static FloatVector highByte(long at) {
        return number(loadInts(at).and(HIGHEST_BYTE));
    }

    private static FloatVector firstNibble(long at) {
        return number(loadInts(at).lanewise(VectorOperators.LSHL, 28));
    }

    private static FloatVector secondNibble(long at) {
        return number(loadInts(at - 3).and(HIGHEST_NIBBLE));
    }

    private static FloatVector firstRaised(IntVector v) {
        return number(v.and(LOWEST_NIBBLE));
    }

    private static FloatVector secondRaised(IntVector v) {
        return number(v.lanewise(VectorOperators.LSHR, 4).and(LOWEST_NIBBLE));
    }

    static void bytes(long x, long numbers, long scales, int shift, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a0 = none;
        FloatVector a1 = none;
        FloatVector a2 = none;
        FloatVector a3 = none;
        for (int i = 0; i < steps; i++) {
            long at = highBytes(numbers, i);
            long group = scales + 16L * (i >> shift);
            FloatVector s0 = splat(group);
            FloatVector s1 = splat(group + 4);
            FloatVector s2 = splat(group + 8);
            FloatVector s3 = splat(group + 12);
            FloatVector v = load(x + (long) i * (2 * V));
            IntVector n0 = IntVector.fromMemorySegment(INTS, ALL, at, LITTLE);
            IntVector n1 = IntVector.fromMemorySegment(INTS, ALL, at + V, LITTLE);
            IntVector n2 = IntVector.fromMemorySegment(INTS, ALL, at + 2 * V, LITTLE);
            IntVector n3 = IntVector.fromMemorySegment(INTS, ALL, at + 3 * V, LITTLE);
            a0 = v.fma(((FloatVector) n0.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s0), a0);
            a1 = v.fma(((FloatVector) n1.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s1), a1);
            a2 = v.fma(((FloatVector) n2.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s2), a2);
            a3 = v.fma(((FloatVector) n3.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s3), a3);
            v = load(x + (long) i * (2 * V) + V);
            n0 = IntVector.fromMemorySegment(INTS, ALL, at + 1, LITTLE);
            n1 = IntVector.fromMemorySegment(INTS, ALL, at + V + 1, LITTLE);
            n2 = IntVector.fromMemorySegment(INTS, ALL, at + 2 * V + 1, LITTLE);
            n3 = IntVector.fromMemorySegment(INTS, ALL, at + 3 * V + 1, LITTLE);
            a0 = v.fma(((FloatVector) n0.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s0), a0);
            a1 = v.fma(((FloatVector) n1.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s1), a1);
            a2 = v.fma(((FloatVector) n2.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s2), a2);
            a3 = v.fma(((FloatVector) n3.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).mul(s3), a3);
        }
        a0.intoMemorySegment(ALL, acc, LITTLE);
        a1.intoMemorySegment(ALL, acc + V, LITTLE);
        a2.intoMemorySegment(ALL, acc + 2 * V, LITTLE);
        a3.intoMemorySegment(ALL, acc + 3 * V, LITTLE);
    }

    /** @param minima from the scales on */
    static void raisedBytes(long x, long numbers, long scales, long minima, int shift, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a0 = none;
        FloatVector a1 = none;
        FloatVector a2 = none;
        FloatVector a3 = none;
        for (int i = 0; i < steps; i++) {
            long at = highBytes(numbers, i);
            long group = scales + 16L * (i >> shift);
            FloatVector s0 = splat(group);
            FloatVector s1 = splat(group + 4);
            FloatVector s2 = splat(group + 8);
            FloatVector s3 = splat(group + 12);
            FloatVector m0 = splat(group + minima);
            FloatVector m1 = splat(group + minima + 4);
            FloatVector m2 = splat(group + minima + 8);
            FloatVector m3 = splat(group + minima + 12);
            FloatVector v = load(x + (long) i * (2 * V));
            IntVector n0 = IntVector.fromMemorySegment(INTS, ALL, at, LITTLE);
            IntVector n1 = IntVector.fromMemorySegment(INTS, ALL, at + V, LITTLE);
            IntVector n2 = IntVector.fromMemorySegment(INTS, ALL, at + 2 * V, LITTLE);
            IntVector n3 = IntVector.fromMemorySegment(INTS, ALL, at + 3 * V, LITTLE);
            a0 = v.fma(((FloatVector) n0.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s0, m0), a0);
            a1 = v.fma(((FloatVector) n1.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s1, m1), a1);
            a2 = v.fma(((FloatVector) n2.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s2, m2), a2);
            a3 = v.fma(((FloatVector) n3.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s3, m3), a3);
            v = load(x + (long) i * (2 * V) + V);
            n0 = IntVector.fromMemorySegment(INTS, ALL, at + 1, LITTLE);
            n1 = IntVector.fromMemorySegment(INTS, ALL, at + V + 1, LITTLE);
            n2 = IntVector.fromMemorySegment(INTS, ALL, at + 2 * V + 1, LITTLE);
            n3 = IntVector.fromMemorySegment(INTS, ALL, at + 3 * V + 1, LITTLE);
            a0 = v.fma(((FloatVector) n0.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s0, m0), a0);
            a1 = v.fma(((FloatVector) n1.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s1, m1), a1);
            a2 = v.fma(((FloatVector) n2.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s2, m2), a2);
            a3 = v.fma(((FloatVector) n3.and(HIGHEST_BYTE).convert(VectorOperators.I2F, 0)).fma(s3, m3), a3);
        }
        a0.intoMemorySegment(ALL, acc, LITTLE);
        a1.intoMemorySegment(ALL, acc + V, LITTLE);
        a2.intoMemorySegment(ALL, acc + 2 * V, LITTLE);
        a3.intoMemorySegment(ALL, acc + 3 * V, LITTLE);
    }

    static void nibbles(long x, long numbers, long scales, int shift, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a0 = none;
        FloatVector a1 = none;
        FloatVector a2 = none;
        FloatVector a3 = none;
        for (int i = 0; i < steps; i++) {
            long at = lowNibbles(numbers, i);
            long group = scales + 16L * (i >> shift);
            FloatVector s0 = splat(group);
            FloatVector s1 = splat(group + 4);
            FloatVector s2 = splat(group + 8);
            FloatVector s3 = splat(group + 12);
            FloatVector v = load(x + (long) i * (2 * V));
            IntVector n0 = IntVector.fromMemorySegment(INTS, ALL, at, LITTLE);
            IntVector n1 = IntVector.fromMemorySegment(INTS, ALL, at + V, LITTLE);
            IntVector n2 = IntVector.fromMemorySegment(INTS, ALL, at + 2 * V, LITTLE);
            IntVector n3 = IntVector.fromMemorySegment(INTS, ALL, at + 3 * V, LITTLE);
            a0 = v.fma(
                    ((FloatVector) n0.lanewise(VectorOperators.LSHL, 28).convert(VectorOperators.I2F, 0)).mul(s0), a0);
            a1 = v.fma(
                    ((FloatVector) n1.lanewise(VectorOperators.LSHL, 28).convert(VectorOperators.I2F, 0)).mul(s1), a1);
            a2 = v.fma(
                    ((FloatVector) n2.lanewise(VectorOperators.LSHL, 28).convert(VectorOperators.I2F, 0)).mul(s2), a2);
            a3 = v.fma(
                    ((FloatVector) n3.lanewise(VectorOperators.LSHL, 28).convert(VectorOperators.I2F, 0)).mul(s3), a3);
            v = load(x + (long) i * (2 * V) + V);
            n0 = IntVector.fromMemorySegment(INTS, ALL, at - 3, LITTLE);
            n1 = IntVector.fromMemorySegment(INTS, ALL, at + V - 3, LITTLE);
            n2 = IntVector.fromMemorySegment(INTS, ALL, at + 2 * V - 3, LITTLE);
            n3 = IntVector.fromMemorySegment(INTS, ALL, at + 3 * V - 3, LITTLE);
            a0 = v.fma(((FloatVector) n0.and(HIGHEST_NIBBLE).convert(VectorOperators.I2F, 0)).mul(s0), a0);
            a1 = v.fma(((FloatVector) n1.and(HIGHEST_NIBBLE).convert(VectorOperators.I2F, 0)).mul(s1), a1);
            a2 = v.fma(((FloatVector) n2.and(HIGHEST_NIBBLE).convert(VectorOperators.I2F, 0)).mul(s2), a2);
            a3 = v.fma(((FloatVector) n3.and(HIGHEST_NIBBLE).convert(VectorOperators.I2F, 0)).mul(s3), a3);
        }
        a0.intoMemorySegment(ALL, acc, LITTLE);
        a1.intoMemorySegment(ALL, acc + V, LITTLE);
        a2.intoMemorySegment(ALL, acc + 2 * V, LITTLE);
        a3.intoMemorySegment(ALL, acc + 3 * V, LITTLE);
    }

    /** @param minima from the scales on */
    static void raisedNibbles(long x, long numbers, long scales, long minima, int shift, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a0 = none;
        FloatVector a1 = none;
        FloatVector a2 = none;
        FloatVector a3 = none;
        for (int i = 0; i < steps; i++) {
            long at = lowNibbles(numbers, i);
            long group = scales + 16L * (i >> shift);
            FloatVector s0 = splat(group);
            FloatVector s1 = splat(group + 4);
            FloatVector s2 = splat(group + 8);
            FloatVector s3 = splat(group + 12);
            FloatVector m0 = splat(group + minima);
            FloatVector m1 = splat(group + minima + 4);
            FloatVector m2 = splat(group + minima + 8);
            FloatVector m3 = splat(group + minima + 12);
            FloatVector v = load(x + (long) i * (2 * V));
            IntVector n0 = IntVector.fromMemorySegment(INTS, ALL, at, LITTLE);
            IntVector n1 = IntVector.fromMemorySegment(INTS, ALL, at + V, LITTLE);
            IntVector n2 = IntVector.fromMemorySegment(INTS, ALL, at + 2 * V, LITTLE);
            IntVector n3 = IntVector.fromMemorySegment(INTS, ALL, at + 3 * V, LITTLE);
            a0 = v.fma(((FloatVector) n0.and(LOWEST_NIBBLE).convert(VectorOperators.I2F, 0)).fma(s0, m0), a0);
            a1 = v.fma(((FloatVector) n1.and(LOWEST_NIBBLE).convert(VectorOperators.I2F, 0)).fma(s1, m1), a1);
            a2 = v.fma(((FloatVector) n2.and(LOWEST_NIBBLE).convert(VectorOperators.I2F, 0)).fma(s2, m2), a2);
            a3 = v.fma(((FloatVector) n3.and(LOWEST_NIBBLE).convert(VectorOperators.I2F, 0)).fma(s3, m3), a3);
            v = load(x + (long) i * (2 * V) + V);
            a0 = v.fma(
                    ((FloatVector) n0.lanewise(VectorOperators.LSHR, 4)
                                    .and(LOWEST_NIBBLE)
                                    .convert(VectorOperators.I2F, 0))
                            .fma(s0, m0),
                    a0);
            a1 = v.fma(
                    ((FloatVector) n1.lanewise(VectorOperators.LSHR, 4)
                                    .and(LOWEST_NIBBLE)
                                    .convert(VectorOperators.I2F, 0))
                            .fma(s1, m1),
                    a1);
            a2 = v.fma(
                    ((FloatVector) n2.lanewise(VectorOperators.LSHR, 4)
                                    .and(LOWEST_NIBBLE)
                                    .convert(VectorOperators.I2F, 0))
                            .fma(s2, m2),
                    a2);
            a3 = v.fma(
                    ((FloatVector) n3.lanewise(VectorOperators.LSHR, 4)
                                    .and(LOWEST_NIBBLE)
                                    .convert(VectorOperators.I2F, 0))
                            .fma(s3, m3),
                    a3);
        }
        a0.intoMemorySegment(ALL, acc, LITTLE);
        a1.intoMemorySegment(ALL, acc + V, LITTLE);
        a2.intoMemorySegment(ALL, acc + 2 * V, LITTLE);
        a3.intoMemorySegment(ALL, acc + 3 * V, LITTLE);
    }

    // One output of a quad: numbers, scales and minima are its own, and so are its places in the panel.

    static void expandBytes(long numbers, long scales, int shift, int steps, long to) {
        for (int i = 0; i < steps; i++) {
            long at = highBytes(numbers, i);
            long panel = to + (long) i * (8 * V);
            store(highByte(at).mul(splat(group(scales, 2 * i, shift))), panel);
            store(highByte(at + 1).mul(splat(group(scales, 2 * i + 1, shift))), panel + 4 * V);
        }
    }

    static void expandRaisedBytes(long numbers, long scales, long minima, int shift, int steps, long to) {
        for (int i = 0; i < steps; i++) {
            long at = highBytes(numbers, i);
            long panel = to + (long) i * (8 * V);
            FloatVector first = splat(group(scales, 2 * i, shift));
            store(highByte(at).fma(first, splat(group(minima, 2 * i, shift))), panel);
            FloatVector second = splat(group(scales, 2 * i + 1, shift));
            store(highByte(at + 1).fma(second, splat(group(minima, 2 * i + 1, shift))), panel + 4 * V);
        }
    }

    static void expandNibbles(long numbers, long scales, int shift, int steps, long to) {
        for (int i = 0; i < steps; i++) {
            long at = lowNibbles(numbers, i);
            long panel = to + (long) i * (8 * V);
            store(firstNibble(at).mul(splat(group(scales, 2 * i, shift))), panel);
            store(secondNibble(at).mul(splat(group(scales, 2 * i + 1, shift))), panel + 4 * V);
        }
    }

    static void expandRaisedNibbles(long numbers, long scales, long minima, int shift, int steps, long to) {
        for (int i = 0; i < steps; i++) {
            IntVector v = loadInts(lowNibbles(numbers, i));
            long panel = to + (long) i * (8 * V);
            FloatVector first = splat(group(scales, 2 * i, shift));
            store(firstRaised(v).fma(first, splat(group(minima, 2 * i, shift))), panel);
            FloatVector second = splat(group(scales, 2 * i + 1, shift));
            store(secondRaised(v).fma(second, splat(group(minima, 2 * i + 1, shift))), panel + 4 * V);
        }
    }

    private static long group(long list, int vector, int shift) {
        return list + 16L * (vector >> shift);
    }
}
