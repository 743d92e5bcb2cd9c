package espalier.tensor.host;

import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Whole blocks of one row, taken apart: the form in which all block formats are alike, and from which a device packs its
 * own. Element {@code j} is {@code scales[j / group] * values[j] + minima[j / group]}, the product and the sum rounded to
 * f32 each: bit for bit what ggml's reference computes for its formats, whose layouts (ggml-common.h, MIT) this follows.
 *
 * <p>The scales of formats that have two levels of them are the products of both. Reused from row to row; for one thread.
 */
public final class BlockRow {
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** What the nibbles of {@link BlockFormat#IQ4_NL} stand for. */
    private static final int[] UNEVEN = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    private final BlockFormat format;
    private final int group;
    private final byte[] values;
    private final float[] scales;
    private final float[] minima;

    /** Where the block that is being read begins, and where its elements and its groups go. */
    private MemorySegment memory = MemorySegment.NULL;

    private long at;
    private int value;
    private int firstGroup;

    /** Room for rows, or parts of rows, of {@code in} elements. */
    public BlockRow(BlockFormat format, int in) {
        this.format = format;
        format.rowBytes(in);
        group = format.groupElements(in);
        values = new byte[in];
        scales = new float[in / group];
        minima = new float[in / group];
    }

    /** A whole row of a matrix in host memory. */
    public static BlockRow of(Matrix.Blocks m, int row) {
        var r = new BlockRow(m.format(), m.in());
        r.read(m, row, 0);
        return r;
    }

    public BlockFormat format() {
        return format;
    }

    /** Elements that share a scale. */
    public int groupElements() {
        return group;
    }

    /** The whole numbers, each within {@link BlockFormat#lowest} and {@link BlockFormat#highest}. */
    public byte[] values() {
        return values;
    }

    public float[] scales() {
        return scales;
    }

    /** Of each group; all 0 for a format without. */
    public float[] minima() {
        return minima;
    }

    /** Reads as many elements as there is room for, from element {@code from} of a row on: a multiple of a block. */
    public void read(Matrix.Blocks m, int row, int from) {
        java.util.Objects.checkIndex(row, m.out());
        java.util.Objects.checkFromIndexSize(from, values.length, m.in());
        read(HostBuffer.memory(m.buffer()), m.at(row), from);
    }

    /** Likewise of a row that begins at byte {@code rowAt}. */
    public void read(MemorySegment from, long rowAt, int fromElement) {
        if (fromElement % format.blockElements() != 0) {
            throw new IllegalArgumentException(
                    "element " + fromElement + " is inside a block of " + format.blockElements());
        }
        memory = from;
        at = rowAt + format.headBytes() + (long) fromElement / format.blockElements() * format.blockBytes();
        if (format == BlockFormat.INT8_ROW) {
            scales[0] = memory.get(FLOAT, rowAt);
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, values, 0, values.length);
            return;
        }
        firstGroup = 0;
        for (value = 0; value < values.length; value += format.blockElements()) {
            block();
            at += format.blockBytes();
            firstGroup += format.blockElements() / group;
        }
    }

    /** The elements as numbers. */
    public float[] toFloats() {
        var all = new float[values.length];
        toFloats(all);
        return all;
    }

    /** Likewise into {@code to}, which may be longer. */
    public void toFloats(float[] to) {
        boolean raised = format.hasMinimum();
        for (int g = 0; g < scales.length; g++) {
            float scale = scales[g];
            float minimum = minima[g];
            for (int j = g * group; j < (g + 1) * group; j++) {
                float product = scale * values[j];
                to[j] = raised ? product + minimum : product;
            }
        }
    }

    private void block() {
        switch (format) {
            case Q8_0, INT8_GROUP64 -> {
                scales[firstGroup] = half(0);
                MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at + 2, values, value, group);
            }
            case Q4_0, INT4_GROUP64 -> {
                scales[firstGroup] = half(0);
                nibbles(2, 8);
            }
            case Q4_1, INT4_GROUP64_MIN -> {
                scales[firstGroup] = half(0);
                minima[firstGroup] = half(2);
                nibbles(4, 0);
            }
            case Q5_0 -> {
                scales[firstGroup] = half(0);
                nibbles(6, 16);
                fifthBits(word(2));
            }
            case Q5_1 -> {
                scales[firstGroup] = half(0);
                minima[firstGroup] = half(2);
                nibbles(8, 0);
                fifthBits(word(4));
            }
            case IQ4_NL -> {
                scales[firstGroup] = half(0);
                nibbles(2, 0);
                for (int i = value; i < value + group; i++) {
                    values[i] = (byte) UNEVEN[values[i]];
                }
            }
            case Q2_K -> q2k();
            case Q3_K -> q3k();
            case Q4_K -> q45k(16);
            case Q5_K -> {
                q45k(48);
                for (int i = 0; i < 256; i++) {
                    values[value + i] += (byte) (bits(16 + i % 32, i / 32, 1) << 4);
                }
            }
            case Q6_K -> q6k();
            case INT8_ROW -> throw new IllegalStateException("has no blocks");
        }
    }

    /** One group: the low nibbles of its bytes, then the high ones. */
    private void nibbles(int from, int less) {
        int half = group / 2;
        for (int i = 0; i < half; i++) {
            int both = unsigned(from + i);
            values[value + i] = (byte) ((both & 15) - less);
            values[value + half + i] = (byte) ((both >> 4) - less);
        }
    }

    private void fifthBits(int word) {
        for (int i = 0; i < 32; i++) {
            values[value + i] += (byte) (((word >>> i) & 1) << 4);
        }
    }

    /** Pairs of bits from 64 bytes: each 32 bytes hold 4 runs of 32 elements. */
    private void pairs(int from) {
        for (int i = 0; i < 256; i++) {
            values[value + i] = (byte) bits(from + i / 128 * 32 + i % 32, i / 32 % 4 * 2, 2);
        }
    }

    private void q2k() {
        pairs(16);
        float scale = half(80);
        float minimum = half(82);
        for (int g = 0; g < 16; g++) {
            int both = unsigned(g);
            scales[firstGroup + g] = scale * (both & 15);
            minima[firstGroup + g] = -(minimum * (both >> 4));
        }
    }

    private void q3k() {
        pairs(32);
        for (int i = 0; i < 256; i++) {
            if (bits(i % 32, i / 32, 1) == 0) {
                values[value + i] = (byte) (values[value + i] - 4);
            }
        }
        float scale = half(108);
        for (int g = 0; g < 16; g++) {
            int low = bits(96 + g % 8, g / 8 * 4, 4);
            int high = bits(104 + g % 4, g / 4 * 2, 2);
            scales[firstGroup + g] = scale * (16 * high + low - 32);
        }
    }

    /** The 8 scales and minima of 6 bits in bytes 4 to 15, and nibbles from byte {@code from} on. */
    private void q45k(int from) {
        float scale = half(0);
        float minimum = half(2);
        for (int g = 0; g < 8; g++) {
            int s = bits(4 + g, 0, 6);
            int m = bits(8 + g, 0, 6);
            if (g >= 4) {
                s = bits(8 + g, 0, 4) + 16 * bits(g, 6, 2);
                m = bits(8 + g, 4, 4) + 16 * bits(4 + g, 6, 2);
            }
            scales[firstGroup + g] = scale * s;
            minima[firstGroup + g] = -(minimum * m);
        }
        for (int i = 0; i < 256; i++) {
            values[value + i] = (byte) bits(from + i / 64 * 32 + i % 32, i / 32 % 2 * 4, 4);
        }
    }

    /** Low nibbles of 128 bytes, high pairs of 64, int8 scales of 16: halves of 128 elements. */
    private void q6k() {
        for (int i = 0; i < 256; i++) {
            int within = i % 128;
            int low = bits(i / 128 * 64 + within % 64, within / 64 * 4, 4);
            int high = bits(128 + i / 128 * 32 + i % 32, within / 32 * 2, 2);
            values[value + i] = (byte) (16 * high + low - 32);
        }
        float scale = half(208);
        for (int g = 0; g < 16; g++) {
            scales[firstGroup + g] = scale * memory.get(ValueLayout.JAVA_BYTE, at + 192 + g);
        }
    }

    /** So many bits of a byte, from bit {@code shift} on. */
    private int bits(int offset, int shift, int count) {
        return (unsigned(offset) >> shift) & ((1 << count) - 1);
    }

    private int unsigned(int offset) {
        return memory.get(ValueLayout.JAVA_BYTE, at + offset) & 0xff;
    }

    private float half(int offset) {
        return Float.float16ToFloat(memory.get(HALF, at + offset));
    }

    private int word(int offset) {
        return memory.get(WORD, at + offset);
    }
}
