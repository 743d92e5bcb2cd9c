package espalier.tensor.host;

import espalier.tensor.BlockFormat;
import java.nio.ByteBuffer;
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
    private static final float[] TRIALS = {1f, 1.06f, 1.12f, 1.2f, 1.3f};

    private final BlockFormat format;
    private final int group;
    private final int[] numbers;
    private float scale;
    private float minimum;

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
        ByteBuffer out = ByteBuffer.wrap(to).order(ByteOrder.LITTLE_ENDIAN).position(at);
        for (int from = 0; from < row.length; from += group) {
            switch (format) {
                case INT8_ROW -> {
                    scale = greatest(row, from) / 127;
                    round(row, from, -127, 127);
                    out.putFloat(scale);
                    bytes(out);
                }
                case Q8_0, INT8_GROUP64 -> {
                    scale = half(greatest(row, from) / 127);
                    round(row, from, -127, 127);
                    out.putShort(Float.floatToFloat16(scale));
                    bytes(out);
                }
                case Q4_0, INT4_GROUP64 -> {
                    bestSymmetric(row, from);
                    out.putShort(Float.floatToFloat16(scale));
                    nibbles(out, 8);
                }
                case Q4_1, INT4_GROUP64_MIN -> {
                    bestRaised(row, from);
                    out.putShort(Float.floatToFloat16(scale)).putShort(Float.floatToFloat16(minimum));
                    nibbles(out, 0);
                }
                case Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL ->
                    throw new IllegalStateException("refused by the constructor");
            }
        }
    }

    private void bytes(ByteBuffer out) {
        for (int q : numbers) {
            out.put((byte) q);
        }
    }

    private void nibbles(ByteBuffer out, int offset) {
        int half = group / 2;
        for (int i = 0; i < half; i++) {
            out.put((byte) (numbers[i] + offset + 16 * (numbers[half + i] + offset)));
        }
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
        for (int i = 0; i < group; i++) {
            float at = (row[from + i] - minimum) * factor;
            numbers[i] = Math.min(Math.max((int) (at + (at < 0 ? -0.5f : 0.5f)), lowest), highest);
        }
    }

    private void bestSymmetric(float[] row, int from) {
        float low = 0;
        float high = 0;
        for (int i = 0; i < group; i++) {
            low = Math.min(low, row[from + i]);
            high = Math.max(high, row[from + i]);
        }
        // -8 has no counterpart: it stands for the greater of the two ends
        float step = -low > high ? low / -8 : high / -8;
        float best = 0;
        float bestGain = -1;
        for (float trial : TRIALS) {
            scale = step / trial;
            round(row, from, -8, 7);
            float xq = 0;
            float qq = 0;
            for (int i = 0; i < group; i++) {
                xq += row[from + i] * numbers[i];
                qq += numbers[i] * numbers[i];
            }
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
        float low = row[from];
        float high = row[from];
        for (int i = 0; i < group; i++) {
            low = Math.min(low, row[from + i]);
            high = Math.max(high, row[from + i]);
        }
        float bestScale = 0;
        float bestMinimum = low;
        float least = Float.POSITIVE_INFINITY;
        for (float trial : TRIALS) {
            scale = (high - low) / 15 / trial;
            minimum = (low + high) / 2 - 7.5f * scale;
            round(row, from, 0, 15);
            fit(row, from);
            float error = error(row, from);
            if (error < least) {
                least = error;
                bestScale = scale;
                bestMinimum = minimum;
            }
        }
        scale = half(bestScale);
        minimum = half(bestMinimum);
        round(row, from, 0, 15);
    }

    /** Scale and minimum by least squares for the numbers as they stand. */
    private void fit(float[] row, int from) {
        float x = 0;
        float q = 0;
        float xq = 0;
        float qq = 0;
        for (int i = 0; i < group; i++) {
            x += row[from + i];
            q += numbers[i];
            xq += row[from + i] * numbers[i];
            qq += numbers[i] * numbers[i];
        }
        float spread = group * qq - q * q;
        if (spread > 0) {
            scale = (group * xq - x * q) / spread;
            minimum = (x - scale * q) / group;
        }
    }

    private float error(float[] row, int from) {
        float sum = 0;
        for (int i = 0; i < group; i++) {
            float off = row[from + i] - (scale * numbers[i] + minimum);
            sum += off * off;
        }
        return sum;
    }

    private static float half(float value) {
        return Float.float16ToFloat(Float.floatToFloat16(value));
    }
}
