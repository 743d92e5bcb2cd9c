package espalier.tensor.host;

import espalier.tensor.BlockFormat;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.Set;

/**
 * Quantises rows of floats into the simple formats: one scale for a row or a group, perhaps a minimum.
 *
 * <p>With 256 steps the greatest magnitude sets the scale. With 16 that wastes steps on what is rare, so for each group
 * several scales are tried; for each the whole numbers are fixed by rounding, the scale (and minimum) that then fits best
 * follows by least squares, and of the trials the one with the least squared error stays. Reused from row to row; for one
 * thread.
 */
public final class BlockWriter {
    /** Those that can be written. */
    public static final Set<BlockFormat> FORMATS = java.util.Collections.unmodifiableSet(EnumSet.of(
            BlockFormat.Q8_0,
            BlockFormat.Q4_0,
            BlockFormat.Q4_1,
            BlockFormat.INT8_ROW,
            BlockFormat.INT8_GROUP64,
            BlockFormat.INT4_GROUP64,
            BlockFormat.INT4_GROUP64_MIN));

    /** Times as fine as the step that just covers a group's range: beyond 1 the outermost are cut off. */
    private static final float[] TRIALS = {1f, 1.1f, 1.22f};

    /** Above the magnitude of every number. */
    private static final int ABOVE_ZERO = 512;

    private static final VarHandle FLOAT = MethodHandles.byteArrayViewVarHandle(float[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle HALF = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    private final BlockFormat format;
    private final int group;
    private final int[] numbers;
    private float scale;
    private float minimum;
    private float low;
    private float high;

    /** For rows of {@code in} elements. */
    public BlockWriter(BlockFormat format, int in) {
        if (!FORMATS.contains(format)) {
            throw new IllegalArgumentException(format + " cannot be written");
        }
        format.rowBytes(in);
        this.format = format;
        group = format.groupElements(in);
        numbers = new int[group];
    }

    /** Writes a whole row to {@code to} from byte {@code at} on. */
    public void write(float[] row, byte[] to, int at) {
        int next = at;
        for (int from = 0; from < row.length; from += group) {
            switch (format) {
                case INT8_ROW -> {
                    scale = greatest(row, from) / 127;
                    round(row, from, -127, 127);
                    FLOAT.set(to, next, scale);
                    next = bytes(to, next + Float.BYTES);
                }
                case Q8_0, INT8_GROUP64 -> {
                    scale = half(greatest(row, from) / 127);
                    round(row, from, -127, 127);
                    HALF.set(to, next, Float.floatToFloat16(scale));
                    next = bytes(to, next + Short.BYTES);
                }
                case Q4_0, INT4_GROUP64 -> {
                    bestSymmetric(row, from);
                    HALF.set(to, next, Float.floatToFloat16(scale));
                    next = nibbles(to, next + Short.BYTES, 8);
                }
                case Q4_1, INT4_GROUP64_MIN -> {
                    bestRaised(row, from);
                    HALF.set(to, next, Float.floatToFloat16(scale));
                    HALF.set(to, next + Short.BYTES, Float.floatToFloat16(minimum));
                    next = nibbles(to, next + 2 * Short.BYTES, 0);
                }
                case Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL ->
                    throw new IllegalStateException("refused by the constructor");
            }
        }
    }

    private int bytes(byte[] to, int at) {
        for (int i = 0; i < group; i++) {
            to[at + i] = (byte) numbers[i];
        }
        return at + group;
    }

    private int nibbles(byte[] to, int at, int offset) {
        int half = group / 2;
        for (int i = 0; i < half; i++) {
            to[at + i] = (byte) (numbers[i] + offset + 16 * (numbers[half + i] + offset));
        }
        return at + half;
    }

    private float greatest(float[] row, int from) {
        float most = 0;
        for (int i = 0; i < group; i++) {
            most = Math.max(most, Math.abs(row[from + i]));
        }
        return most;
    }

    /** The numbers for the scale and the minimum as they stand. */
    private void round(float[] row, int from, int lowest, int highest) {
        float factor = scale == 0 ? 0 : 1 / scale;
        float less = minimum;
        for (int i = 0; i < group; i++) {
            // a cast cuts off, which rounds what is not negative
            int q = (int) ((row[from + i] - less) * factor + (ABOVE_ZERO + 0.5f)) - ABOVE_ZERO;
            numbers[i] = Math.min(Math.max(q, lowest), highest);
        }
    }

    private void bestSymmetric(float[] row, int from) {
        range(row, from);
        // -8 has no counterpart: it stands for the greater of the two ends
        float step = -low > high ? low / -8 : high / -8;
        float best = 0;
        float bestGain = -1;
        for (float trial : TRIALS) {
            scale = step / trial;
            round(row, from, -8, 7);
            float xq = products(row, from);
            int qq = squares();
            float gain = qq == 0 ? 0 : xq * xq / qq; // what the squared error is smaller by
            if (gain > bestGain) {
                bestGain = gain;
                best = qq == 0 ? 0 : xq / qq;
            }
        }
        scale = half(best);
        round(row, from, -8, 7);
    }

    private void bestRaised(float[] row, int from) {
        range(row, from);
        float x = sum(row, from);
        float bestScale = 0;
        float bestMinimum = low;
        float bestGain = Float.NEGATIVE_INFINITY;
        for (float trial : TRIALS) {
            scale = (high - low) / 15 / trial;
            minimum = (low + high) / 2 - 7.5f * scale;
            round(row, from, 0, 15);
            int q = sum();
            float spread = (float) group * squares() - (float) q * q;
            if (spread > 0) { // scale and minimum by least squares
                float xq = products(row, from);
                scale = (group * xq - x * q) / spread;
                minimum = (x - scale * q) / group;
                float gain = scale * xq + minimum * x; // what the squared error is smaller by
                if (gain > bestGain) {
                    bestGain = gain;
                    bestScale = scale;
                    bestMinimum = minimum;
                }
            }
        }
        scale = half(bestScale);
        minimum = half(bestMinimum);
        round(row, from, 0, 15);
    }

    private void range(float[] row, int from) {
        float least = row[from];
        float most = row[from];
        for (int i = 1; i < group; i++) {
            least = Math.min(least, row[from + i]);
            most = Math.max(most, row[from + i]);
        }
        low = least;
        high = most;
    }

    /** Four sums at a time: the additions of one would wait for each other. */
    private float products(float[] row, int from) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        for (int i = 0; i < group; i += 4) {
            a += row[from + i] * numbers[i];
            b += row[from + i + 1] * numbers[i + 1];
            c += row[from + i + 2] * numbers[i + 2];
            d += row[from + i + 3] * numbers[i + 3];
        }
        return a + b + (c + d);
    }

    private float sum(float[] row, int from) {
        float a = 0;
        float b = 0;
        for (int i = 0; i < group; i += 2) {
            a += row[from + i];
            b += row[from + i + 1];
        }
        return a + b;
    }

    private int squares() {
        int sum = 0;
        for (int q : numbers) {
            sum += q * q;
        }
        return sum;
    }

    private int sum() {
        int sum = 0;
        for (int q : numbers) {
            sum += q;
        }
        return sum;
    }

    private static float half(float value) {
        return Float.float16ToFloat(Float.floatToFloat16(value));
    }
}
