package espalier.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors that all kernels use: one width for the process, memory by plain address, widening, the tree of a sum.
 *
 * <p>Kernels read memory through {@link #ALL}, one segment over everything whose scope never ends, so that C2 needs no
 * liveness check and folds the bounds check away. What may be touched is therefore checked once a call and a tensor, in
 * {@link Address}.
 *
 * <p><b>Order.</b> A vector of bf16 or f16 pairs is widened into its even and its odd elements, because that takes a
 * shift and an AND where the natural order takes shuffles. What is multiplied by it is laid out alike ("split"). A sum
 * over lanes is a tree of neighbours, written out, because {@code reduceLanes} leaves the order open and may therefore
 * differ between interpreter and compiler.
 */
final class Lanes {
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, FLOATS.vectorShape());
    private static final VectorSpecies<Short> HALF_SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

    /** Floats in a vector. */
    static final int L = FLOATS.length();
    /** Bytes in a vector. */
    static final int V = 4 * L;

    @SuppressWarnings("restricted") // the class comment says why
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final FloatVector EVEN = indices(0, 2);
    private static final FloatVector ODD = indices(1, 2);
    private static final FloatVector ZIP_LOW = zip(0);
    private static final FloatVector ZIP_HIGH = zip(L / 2);

    private Lanes() {}

    private static FloatVector indices(int from, int step) {
        var at = new float[L];
        for (int i = 0; i < L; i++) {
            at[i] = from + step * i;
        }
        return FloatVector.fromArray(FLOATS, at, 0);
    }

    private static FloatVector zip(int from) {
        var at = new float[L];
        for (int i = 0; i < L; i++) {
            at[i] = from + i / 2 + i % 2 * L;
        }
        return FloatVector.fromArray(FLOATS, at, 0);
    }

    static FloatVector load(long at) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, at, LITTLE);
    }

    static FloatVector load(long at, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, at, LITTLE, mask);
    }

    static IntVector loadInts(long at) {
        return IntVector.fromMemorySegment(INTS, ALL, at, LITTLE);
    }

    /** The pairs of a part of a vector: {@code count} 16-bit elements, the rest zero. */
    static IntVector loadPairs(long at, int count) {
        return ShortVector.fromMemorySegment(SHORTS, ALL, at, LITTLE, SHORTS.indexInRange(0, count))
                .reinterpretAsInts();
    }

    static void store(FloatVector v, long at) {
        v.intoMemorySegment(ALL, at, LITTLE);
    }

    static void store(FloatVector v, long at, VectorMask<Float> mask) {
        v.intoMemorySegment(ALL, at, LITTLE, mask);
    }

    /** Lanes below {@code count}. */
    static VectorMask<Float> first(int count) {
        return FLOATS.indexInRange(0, count);
    }

    static FloatVector zero() {
        return FloatVector.zero(FLOATS);
    }

    /** Sums of neighbours: those of {@code a}, then those of {@code b}. */
    static FloatVector pairs(FloatVector a, FloatVector b) {
        return EVEN.selectFrom(a, b).add(ODD.selectFrom(a, b));
    }

    /** Lanes 0 to 3 of the result are the sums over the lanes of the four. */
    static FloatVector sums(FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
        FloatVector s = pairs(pairs(a, b), pairs(c, d));
        for (int n = L / 4; n > 1; n /= 2) {
            s = pairs(s, s);
        }
        return s;
    }

    /** The sum over the lanes, by the same tree. */
    static float sum(FloatVector a) {
        return sums(a, a, a, a).lane(0);
    }

    /** The first four lanes. */
    static void storeFour(FloatVector v, long at) {
        ((FloatVector) v.castShape(FloatVector.SPECIES_128, 0)).intoMemorySegment(ALL, at, LITTLE);
    }

    /** Elements 0, 2, 4 ... of two vectors in natural order. */
    static FloatVector evens(FloatVector a, FloatVector b) {
        return EVEN.selectFrom(a, b);
    }

    static FloatVector odds(FloatVector a, FloatVector b) {
        return ODD.selectFrom(a, b);
    }

    /** The first half of the natural order of split vectors. */
    static FloatVector zipLow(FloatVector even, FloatVector odd) {
        return ZIP_LOW.selectFrom(even, odd);
    }

    static FloatVector zipHigh(FloatVector even, FloatVector odd) {
        return ZIP_HIGH.selectFrom(even, odd);
    }

    static FloatVector evenBf16(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    static FloatVector oddBf16(IntVector pairs) {
        return pairs.and(0xffff0000).reinterpretAsFloats();
    }

    static FloatVector evenF16(IntVector pairs) {
        return half(pairs.lanewise(VectorOperators.LSHL, 16));
    }

    static FloatVector oddF16(IntVector pairs) {
        return half(pairs.and(0xffff0000));
    }

    private static final IntVector BIAS = IntVector.broadcast(INTS, 112 << 23);
    private static final IntVector SMALL_BIAS = IntVector.broadcast(INTS, 113 << 23);
    private static final IntVector MAGNITUDE = IntVector.broadcast(INTS, 0x0fffe000);
    private static final IntVector SIGN = IntVector.broadcast(INTS, 0x80000000);

    /**
     * The half in the upper bits. Moves the exponent's bias from 15 to 127. Subnormal halves get the exponent of the
     * least normal one, which is then subtracted: exact, and without a subnormal operand, which would cost a microcode
     * assist. An infinity reads as 65,536 and a NaN as a number between that and 131,072.
     */
    private static FloatVector half(IntVector upper) {
        IntVector magnitude = upper.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE);
        FloatVector normal = magnitude.add(BIAS).reinterpretAsFloats();
        FloatVector small = magnitude.add(SMALL_BIAS).reinterpretAsFloats().sub(0x1p-14f);
        FloatVector value = normal.blend(small, magnitude.lt(1 << 23).cast(FLOATS));
        return value.reinterpretAsInts().or(upper.and(SIGN)).reinterpretAsFloats();
    }

    /** Rounds to bf16, ties to even; NaNs are kept by setting a bit that rounding cannot carry away. */
    static void storeBf16(FloatVector v, long at) {
        toBf16(v).intoMemorySegment(ALL, at, LITTLE);
    }

    static void storeBf16(FloatVector v, long at, int count) {
        toBf16(v).intoMemorySegment(ALL, at, LITTLE, HALF_SHORTS.indexInRange(0, count));
    }

    private static ShortVector toBf16(FloatVector v) {
        IntVector bits = v.reinterpretAsInts();
        IntVector lowest = bits.lanewise(VectorOperators.LSHR, 16).and(1);
        IntVector rounded = bits.add(lowest).add(0x7fff);
        IntVector kept =
                rounded.blend(bits.or(0x400000), v.test(VectorOperators.IS_NAN).cast(INTS));
        return (ShortVector) kept.lanewise(VectorOperators.LSHR, 16).convertShape(VectorOperators.I2S, HALF_SHORTS, 0);
    }

    // As vectors, since every broadcast in a kernel brings it nearer to the size that C2 no longer inlines.
    private static final FloatVector GREATEST = splat(88);
    private static final FloatVector LEAST = splat(-87);
    private static final FloatVector LOG2_E = splat(1.442695f);
    private static final FloatVector ROUNDER = splat(0x1.8p23f);
    /** ln 2 in two parts, negative; the first has nine bits, so that its product with an exponent is exact. */
    private static final FloatVector LN2_HIGH = splat(-0x1.63p-1f);

    private static final FloatVector LN2_LOW = splat(2.1219444e-4f);
    private static final FloatVector P4 = splat(0.001381432f);
    private static final FloatVector P3 = splat(0.008368851f);
    private static final FloatVector P2 = splat(0.0416684f);
    private static final FloatVector P1 = splat(0.1666652f);
    private static final FloatVector P0 = splat(0.49999994f);
    private static final FloatVector ONE = splat(1);
    private static final FloatVector ZERO = splat(0);
    private static final IntVector EXPONENT_BIAS = IntVector.broadcast(INTS, 127);

    /**
     * The exponential function, within 2 ulp; arguments under -87 (-infinity too) give 0, those over 88 are taken as
     * 88. As {@code espalier.tensor.host.Exp}, with fused multiply-adds: {@code 2^n * (1 + r + r^2 p(r))}.
     */
    static FloatVector exp(FloatVector x) {
        FloatVector in = x.min(GREATEST).max(LEAST);
        FloatVector shifted = in.fma(LOG2_E, ROUNDER); // n stands in its lowest bits
        FloatVector n = shifted.sub(ROUNDER);
        FloatVector r = n.fma(LN2_LOW, n.fma(LN2_HIGH, in));
        FloatVector p = P4.fma(r, P3).fma(r, P2).fma(r, P1).fma(r, P0);
        p = p.fma(r.mul(r), r).add(ONE);
        FloatVector power = shifted.reinterpretAsInts()
                .add(EXPONENT_BIAS)
                .lanewise(VectorOperators.LSHL, 23)
                .reinterpretAsFloats();
        return p.mul(power).blend(ZERO, x.lt(LEAST));
    }

    static FloatVector splat(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    /** Copies whole numbers, of which each must be from 0 to {@code limit - 1}. */
    static void copyBelow(long from, int count, int limit, long to) {
        VectorMask<Integer> outside = INTS.maskAll(false);
        int i = 0;
        for (; i + L <= count; i += L) {
            IntVector v = IntVector.fromMemorySegment(INTS, ALL, from + 4L * i, LITTLE);
            v.intoMemorySegment(ALL, to + 4L * i, LITTLE);
            outside = outside.or(v.compare(VectorOperators.UGE, limit));
        }
        for (; i < count; i++) {
            int one = ALL.get(ValueLayout.JAVA_INT_UNALIGNED, from + 4L * i);
            ALL.set(ValueLayout.JAVA_INT_UNALIGNED, to + 4L * i, java.util.Objects.checkIndex(one, limit));
        }
        if (outside.anyTrue()) {
            throw new IndexOutOfBoundsException("a slot outside of the cache's " + limit);
        }
    }
}
