package espalier.cpu;

import static espalier.cpu.Lanes.ALL;
import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.SHORTS;

import espalier.tensor.BFloat16;
import espalier.tensor.Float8;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of one byte an element become rows of bf16 by the Vector API, {@code 2 L} elements at a time. A float of 8 bits
 * is a bf16 exactly: its magnitude moves to the left and gets bf16's bias. The few subnormal ones, each of which has
 * another exponent as a bf16, come from a table. Integers are multiplied by their row's scale and rounded to nearest even.
 */
final class ByteLanes {
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Lanes.FLOATS.vectorBitSize() / 2));
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int STEP = 2 * L;
    private static final short NAN = 0x7fc0;

    private static final ShortVector E4M3 = subnormals(Float8.E4M3);
    private static final ShortVector E5M2 = subnormals(Float8.E5M2);

    private ByteLanes() {}

    /** The least magnitudes as bf16, so many as a vector has lanes: eight, of which all are needed, at least. */
    private static ShortVector subnormals(Float8 format) {
        var bits = new short[SHORTS.length()];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = BFloat16.of(format.toFloat((byte) i));
        }
        return ShortVector.fromArray(SHORTS, bits, 0);
    }

    /** With their signs; elements from {@code count} on are zero and not read. */
    private static ShortVector load(long at, int count) {
        if (count >= STEP) {
            return widened(ByteVector.fromMemorySegment(BYTES, ALL, at, LITTLE));
        }
        VectorMask<Byte> there = BYTES.indexInRange(0, count);
        return widened(ByteVector.fromMemorySegment(BYTES, ALL, at, LITTLE, there));
    }

    private static ShortVector widened(ByteVector bytes) {
        return (ShortVector) bytes.convertShape(VectorOperators.B2S, SHORTS, 0);
    }

    /** {@code count} elements of {@link Float8#E4M3}; writes whole steps. */
    static void e4m3(long from, int count, long to) {
        for (int i = 0; i < count; i += STEP) {
            ShortVector bytes = load(from + i, count - i);
            ShortVector magnitude = bytes.and((short) 0x7f);
            ShortVector normal = magnitude.lanewise(VectorOperators.LSHL, 4).add((short) (120 << 7));
            ShortVector number = normal.blend(magnitude.selectFrom(E4M3), magnitude.lt((short) 8))
                    .blend(NAN, magnitude.eq((short) 0x7f));
            number.or(bytes.and((short) 0x8000)).intoMemorySegment(ALL, to + 2L * i, LITTLE);
        }
    }

    /** The same of {@link Float8#E5M2}; infinities, which no cache holds, become NaNs. */
    static void e5m2(long from, int count, long to) {
        for (int i = 0; i < count; i += STEP) {
            ShortVector bytes = load(from + i, count - i);
            ShortVector magnitude = bytes.and((short) 0x7f);
            ShortVector normal = magnitude.lanewise(VectorOperators.LSHL, 5).add((short) (112 << 7));
            ShortVector number = normal.blend(magnitude.selectFrom(E5M2), magnitude.lt((short) 4))
                    .blend(NAN, magnitude.compare(VectorOperators.GT, (short) 0x7b));
            number.or(bytes.and((short) 0x8000)).intoMemorySegment(ALL, to + 2L * i, LITTLE);
        }
    }

    static void integers(long from, int count, float scale, long to) {
        for (int i = 0; i < count; i += STEP) {
            IntVector pairs = load(from + i, count - i).reinterpretAsInts();
            IntVector evens = pairs.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
            IntVector even = rounded(evens, scale).lanewise(VectorOperators.LSHR, 16);
            IntVector odd =
                    rounded(pairs.lanewise(VectorOperators.ASHR, 16), scale).and(0xffff0000);
            even.or(odd).intoMemorySegment(ALL, to + 2L * i, LITTLE);
        }
    }

    /** A bf16 in the upper half of each lane. A NaN has an even one, which rounding leaves alone. */
    private static IntVector rounded(IntVector numbers, float scale) {
        FloatVector product = ((FloatVector) numbers.convert(VectorOperators.I2F, 0)).mul(scale);
        IntVector bits = product.reinterpretAsInts();
        return bits.add(bits.lanewise(VectorOperators.LSHR, 16).and(1)).add(0x7fff);
    }
}
