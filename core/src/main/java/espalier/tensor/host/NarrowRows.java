package espalier.tensor.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import espalier.tensor.BFloat16;
import espalier.tensor.Float8;
import espalier.tensor.KvType;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one byte an element: one head of one token at a time. Every host device writes them by this one
 * loop, so that what is stored is the same bit for bit.
 */
public final class NarrowRows {
    /** The greatest integer; -128 is not used, so that the range is even. */
    private static final int GREATEST = 127;
    /** A row below is zero: its scale would leave the range of normal numbers. */
    private static final float LEAST = 0x1p-100f;

    private NarrowRows() {}

    /**
     * Rounds {@code count} floats.
     *
     * @param scaleAt where {@link KvType#INT8} puts the row's scale, in {@code to}
     */
    public static void write(
            KvType type, MemorySegment from, long fromAt, int count, MemorySegment to, long toAt, long scaleAt) {
        switch (type) {
            case FP8_E4M3 -> writeFloats(Float8.E4M3, from, fromAt, count, to, toAt);
            case FP8_E5M2 -> writeFloats(Float8.E5M2, from, fromAt, count, to, toAt);
            case INT8 -> to.set(JAVA_FLOAT_UNALIGNED, scaleAt, writeIntegers(from, fromAt, count, to, toAt));
            case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no narrow rows");
        }
    }

    private static void writeFloats(
            Float8 format, MemorySegment from, long fromAt, int count, MemorySegment to, long toAt) {
        for (int i = 0; i < count; i++) {
            to.set(JAVA_BYTE, toAt + i, format.of(from.get(JAVA_FLOAT_UNALIGNED, fromAt + 4L * i)));
        }
    }

    /** Returns the scale. A NaN or an infinity makes the whole row NaN, as attention to it would be anyway. */
    private static float writeIntegers(MemorySegment from, long fromAt, int count, MemorySegment to, long toAt) {
        float most = 0;
        for (int i = 0; i < count; i++) {
            most = Math.max(most, Math.abs(from.get(JAVA_FLOAT_UNALIGNED, fromAt + 4L * i)));
        }
        if (most < LEAST) {
            to.asSlice(toAt, count).fill((byte) 0);
            return 0;
        }
        if (!(most < Float.POSITIVE_INFINITY)) {
            to.asSlice(toAt, count).fill((byte) 1);
            return Float.NaN;
        }
        float by = GREATEST / most;
        for (int i = 0; i < count; i++) {
            to.set(JAVA_BYTE, toAt + i, (byte) Math.rint(from.get(JAVA_FLOAT_UNALIGNED, fromAt + 4L * i) * by));
        }
        return most / GREATEST;
    }

    /** What attention reads for a stored element, a number of bf16. */
    public static float number(KvType type, byte code, float scale) {
        return switch (type) {
            case FP8_E4M3 -> Float8.E4M3.toFloat(code);
            case FP8_E5M2 -> Float8.E5M2.toFloat(code);
            case INT8 -> BFloat16.toFloat(BFloat16.of(code * scale));
            case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no narrow rows");
        };
    }
}
