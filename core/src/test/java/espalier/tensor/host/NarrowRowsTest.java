package espalier.tensor.host;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.tensor.KvType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Rows of int8 have the scale of their own greatest element. */
class NarrowRowsTest {
    private static final int COUNT = 40;

    /** The row as attention reads it. */
    private static float[] through(float[] row) {
        MemorySegment stored = MemorySegment.ofArray(new byte[row.length + 4]);
        NarrowRows.write(KvType.INT8, MemorySegment.ofArray(row), 0, row.length, stored, 0, row.length);
        float scale = stored.get(ValueLayout.JAVA_FLOAT_UNALIGNED, row.length);
        var read = new float[row.length];
        for (int i = 0; i < row.length; i++) {
            read[i] = NarrowRows.number(KvType.INT8, stored.get(ValueLayout.JAVA_BYTE, i), scale);
        }
        return read;
    }

    @Test
    void anElementIsOffByAtMostHalfAStepAndTheRoundingOfBf16() {
        var random = new Random(3);
        for (float size : new float[] {1e-20f, 1, 1e20f}) {
            var row = new float[COUNT];
            float most = 0;
            for (int i = 0; i < COUNT; i++) {
                row[i] = size * (float) random.nextGaussian();
                most = Math.max(most, Math.abs(row[i]));
            }
            float[] read = through(row);
            for (int i = 0; i < COUNT; i++) {
                double allowed = most / 127.0 * 0.501 + Math.abs(row[i]) * 0x1p-8;
                assertThat((double) Math.abs(read[i] - row[i])).isLessThanOrEqualTo(allowed);
            }
        }
    }

    @Test
    void aRowOfNothingIsZeroAndOneThatIsNotFiniteIsNaN() {
        assertThat(through(new float[COUNT])).containsOnly(0);
        var tiny = new float[COUNT];
        tiny[7] = Float.MIN_VALUE;
        assertThat(through(tiny)).containsOnly(0);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            var row = new float[COUNT];
            row[COUNT - 1] = bad;
            assertThat(through(row)).containsOnly(Float.NaN);
        }
    }
}
