package espalier.tensor.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.tensor.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BlockWriterTest {
    private static final int WIDTH = 256;

    private static boolean isWritten(BlockFormat format) {
        return BlockWriter.FORMATS.contains(format);
    }

    private static float[] back(BlockFormat format, float[] row) {
        int skip = 5; // a row may begin anywhere
        var bytes = new byte[skip + Math.toIntExact(format.rowBytes(row.length))];
        new BlockWriter(format, row.length).write(row, bytes, skip);
        var read = new BlockRow(format, row.length);
        read.read(MemorySegment.ofArray(bytes), skip, 0);
        return read.toFloats();
    }

    private static float[] gaussian(long seed) {
        var random = new Random(seed);
        var row = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            row[i] = (float) random.nextGaussian() * 0.02f;
        }
        return row;
    }

    private static double error(float[] row, float[] back) {
        double sum = 0;
        double all = 0;
        for (int i = 0; i < row.length; i++) {
            sum += Math.pow(row[i] - back[i], 2);
            all += Math.pow(row[i], 2);
        }
        return Math.sqrt(sum / all);
    }

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void whatCanBeWrittenComesBackWithinAStep(BlockFormat format) {
        if (!isWritten(format)) {
            assertThatThrownBy(() -> new BlockWriter(format, 256)).hasMessageContaining(format + " cannot be written");
            return;
        }
        double most = format.highest() > 100 ? 0.011 : format.hasMinimum() ? 0.1 : 0.12;
        for (long seed = 0; seed < 50; seed++) {
            float[] row = gaussian(seed);
            assertThat(error(row, back(format, row))).as("seed %d", seed).isLessThan(most);
        }
    }

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void whatAFormatCanStandForComesBackAsItWas(BlockFormat format) {
        if (!isWritten(format)) {
            return;
        }
        var random = new Random(format.ordinal());
        int steps = format.highest() - Math.max(format.lowest(), -127);
        float minimum = format.hasMinimum() ? -0.375f : 0;
        var row = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            // both ends stand in every group, so the range tells the scale
            int q = i % 16 == 0 ? 0 : i % 16 == 1 ? steps : random.nextInt(steps + 1);
            row[i] = 0.125f * (q + Math.max(format.lowest(), -127)) + minimum;
        }
        assertThat(back(format, row)).containsExactly(row);
    }

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void rowsOfOneValueAndOutliersHaveNoSurprises(BlockFormat format) {
        if (!isWritten(format)) {
            return;
        }
        assertThat(back(format, new float[WIDTH])).containsOnly(0);
        var row = gaussian(1);
        row[7] = 3;
        float[] back = back(format, row);
        assertThat(back[7]).isCloseTo(3, org.assertj.core.api.Assertions.within(0.25f));
        for (float value : back) {
            assertThat(Math.abs(value)).isLessThan(3.3f);
        }
    }

    @Test
    void triedScalesBeatTheOneThatCoversTheRange() {
        double plain = 0;
        double tried = 0;
        for (long seed = 0; seed < 20; seed++) {
            float[] row = gaussian(seed);
            tried += error(row, back(BlockFormat.Q4_0, row));
            plain += error(row, covering(row));
        }
        assertThat(tried).isLessThan(0.97 * plain);
    }

    /** Groups of 32 in steps of their most extreme value / -8, as ggml's plain quantiser has it. */
    private static float[] covering(float[] row) {
        var back = new float[row.length];
        for (int from = 0; from < row.length; from += 32) {
            float most = 0;
            for (int i = from; i < from + 32; i++) {
                most = Math.abs(row[i]) > Math.abs(most) ? row[i] : most;
            }
            float scale = most / -8;
            for (int i = from; i < from + 32; i++) {
                back[i] = scale * Math.clamp(Math.round(row[i] / scale), -8, 7);
            }
        }
        return back;
    }
}
