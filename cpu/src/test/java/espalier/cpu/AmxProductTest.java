package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.contract.Scene;
import espalier.tensor.BFloat16;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.util.ArrayList;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Products by tiles are those of rounded operands, and a row's bits do not depend on its company. */
class AmxProductTest {
    private static @Nullable CpuDevice device;

    @BeforeAll
    static void open() {
        device = TestDevices.withTiles(3);
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    private record Operands(float[][] x, float[][] w) {
        static Operands random(Random random, int rows, int in, int out) {
            return new Operands(numbers(random, rows, in), numbers(random, out, in));
        }

        private static float[][] numbers(Random random, int rows, int cols) {
            var result = new float[rows][cols];
            for (float[] row : result) {
                for (int i = 0; i < cols; i++) {
                    row[i] = (float) random.nextGaussian();
                }
            }
            return result;
        }

        Operands rows(int from, int count) {
            return new Operands(java.util.Arrays.copyOfRange(x, from, from + count), w);
        }

        float[][] product(CpuDevice device) {
            var scene = new Scene(device, 1);
            int in = x[0].length;
            Tensor rows = scene.numbers(DType.BF16, w, in, in + 2);
            int first = w.length / 3;
            var stored = new ArrayList<Matrix>();
            if (first > 0) {
                stored.add(new Matrix.Dense(rows.rows(0, first)));
            }
            stored.add(new Matrix.Dense(rows.rows(first, w.length - first)));
            Matrix prepared = device.prepare(new Matrix.Stacked(stored), Matrix.Stored.SPENT);
            assertThat(prepared).isInstanceOf(Matrix.Prepared.class);
            Tensor out = scene.out(x.length, w.length, w.length + 3);
            device.ops().matmul(scene.numbers(DType.F32, x, in, in + 1), prepared, out);
            return scene.read(out);
        }
    }

    private static float rounded(float value) {
        return BFloat16.toFloat(BFloat16.of(value));
    }

    private static void assertClose(float[][] have, Operands o, String what) {
        for (int i = 0; i < o.x().length; i++) {
            for (int j = 0; j < o.w().length; j++) {
                double sum = 0;
                double magnitudes = 0;
                for (int k = 0; k < o.x()[i].length; k++) {
                    double term = (double) rounded(o.x()[i][k]) * rounded(o.w()[j][k]);
                    sum += term;
                    magnitudes += Math.abs(term);
                }
                assertThat(Math.abs(have[i][j] - sum))
                        .as("%s, row %s, column %s: %s and %s", what, i, j, have[i][j], sum)
                        .isLessThanOrEqualTo(1e-6 * magnitudes);
            }
        }
    }

    @Test
    void productsAreThoseOfRoundedOperands() {
        CpuDevice amx = device;
        if (amx == null) {
            return;
        }
        for (int seed = 0; seed < 60; seed++) {
            var random = new Random(seed);
            int rows = seed % 3 == 0 ? 1 + random.nextInt(100) : 1 + random.nextInt(34);
            int in = seed % 10 == 0 ? 2040 + random.nextInt(2100) : 1 + random.nextInt(200);
            int out = 1 + random.nextInt(seed % 7 == 0 ? 700 : 100);
            var o = Operands.random(random, rows, in, out);
            assertClose(o.product(amx), o, "seed " + seed);
        }
    }

    /** Where weights are written first, and who reads them, decides no bit. */
    @Test
    void onSeveralNodesTheBitsAreTheSame() {
        CpuDevice amx = device;
        try (CpuDevice nodes = TestDevices.withTilesOnTwoNodes(5)) {
            if (amx == null || nodes == null) {
                return;
            }
            for (int seed = 0; seed < 6; seed++) {
                var random = new Random(seed);
                var o = Operands.random(random, 1 + random.nextInt(60), 1 + random.nextInt(900), 400);
                assertThat(o.product(nodes)).as("seed %s", seed).isDeepEqualTo(o.product(amx));
            }
        }
    }

    @Test
    void aRowIsTheSameAloneAndInEveryBatch() {
        CpuDevice amx = device;
        if (amx == null) {
            return;
        }
        for (int seed = 0; seed < 6; seed++) {
            var random = new Random(seed);
            var all = Operands.random(random, 150, seed == 0 ? 5000 : 32 + random.nextInt(300), 40);
            float[][] together = all.product(amx);
            for (int rows = 1; rows < 150; rows += 1 + rows / 5) {
                int from = random.nextInt(151 - rows);
                float[][] few = all.rows(from, rows).product(amx);
                for (int i = 0; i < rows; i++) {
                    assertThat(few[i])
                            .as("seed %s, row %s of %s", seed, from + i, rows)
                            .isEqualTo(together[from + i]);
                }
            }
        }
    }
}
