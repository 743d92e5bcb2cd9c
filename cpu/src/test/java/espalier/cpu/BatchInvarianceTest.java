package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.contract.AttentionCase;
import espalier.contract.Scene;
import espalier.tensor.DType;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** The promise of {@link Ops}: a row's bits do not depend on its company, on chunks or on threads. */
class BatchInvarianceTest {
    private static final DType[] NUMBERS = {DType.F32, DType.BF16, DType.F16};
    private static final CpuDevice ONE = TestDevices.inFloats(1);
    private static final CpuDevice TWO = TestDevices.inFloats(2);
    private static final CpuDevice FIVE = TestDevices.inFloats(5);
    private static final CpuDevice TWO_NODES = TestDevices.inFloatsOnTwoNodes(5);
    private static final CpuDevice FEW_STATES = TestDevices.inFloatsWithFewStates(5);

    @AfterAll
    static void close() {
        ONE.close();
        TWO.close();
        FIVE.close();
        FEW_STATES.close();
        TWO_NODES.close();
    }

    private static void assertSameBits(float[] have, float[] want, String what) {
        for (int j = 0; j < want.length; j++) {
            assertThat(Float.floatToRawIntBits(have[j]))
                    .as("%s, column %s: %s and %s", what, j, have[j], want[j])
                    .isEqualTo(Float.floatToRawIntBits(want[j]));
        }
    }

    @Test
    void aProductsRowIsTheSameAloneAndInEveryBatch() {
        for (int seed = 0; seed < 60; seed++) {
            var random = new Random(seed);
            DType dtype = NUMBERS[seed % 3];
            int rows = seed % 10 == 0 ? 121 + random.nextInt(10) : 1 + random.nextInt(30);
            int in = 1 + random.nextInt(seed % 5 == 0 ? 2300 : 200);
            int out = 1 + random.nextInt(20);
            var scene = new Scene(seed % 2 == 0 ? ONE : TWO, seed);
            Tensor x = scene.numbers(DType.F32, rows, in);
            var w = new Matrix.Dense(scene.numbers(dtype, out, in, in + random.nextInt(3)));
            float[][] together = product(scene, x, w);
            for (int i = 0; i < rows; i += 1 + random.nextInt(1 + rows / 8)) {
                float[][] alone = product(scene, x.rows(i, 1), w);
                assertSameBits(together[i], alone[0], "seed " + seed + " " + dtype + " row " + i);
            }
        }
    }

    private static float[][] product(Scene scene, Tensor x, Matrix w) {
        Tensor out = scene.out(x.rows(), w.out());
        scene.device().ops().matmul(x, w, out);
        return scene.read(out);
    }

    @Test
    void aProductIsTheSameWithAnyNumberOfThreads() {
        for (int seed = 0; seed < 12; seed++) {
            var results = new ArrayList<float[][]>();
            for (CpuDevice device : List.of(ONE, TWO, FIVE, TWO_NODES)) {
                var scene = new Scene(device, seed);
                Tensor x = scene.numbers(DType.F32, 1 + 5 * seed, 700);
                results.add(product(scene, x, new Matrix.Dense(scene.numbers(NUMBERS[seed % 3], 150, 700))));
            }
            assertThat(results.get(1)).as("seed %s", seed).isDeepEqualTo(results.get(0));
            assertThat(results.get(2)).as("seed %s", seed).isDeepEqualTo(results.get(0));
            assertThat(results.get(3)).as("seed %s", seed).isDeepEqualTo(results.get(0));
        }
    }

    /** Everything about one sequence; how it is computed varies. */
    private record Story(long seed, KvType kv, int headDim, int group, int kvHeads, int window, int length) {
        static Story random(long seed) {
            var random = new Random(seed);
            return new Story(
                    seed,
                    KvType.values()[(int) seed % KvType.values().length],
                    8 * (1 + random.nextInt(6)),
                    1 + random.nextInt(4),
                    1 + random.nextInt(2),
                    random.nextBoolean() ? 0 : 1 + random.nextInt(200),
                    seed / 6 % 2 == 0 ? 1030 + random.nextInt(40) : 1 + random.nextInt(150));
        }

        /** The outputs of every position, computed chunk by chunk, each beside {@code neighbours} other sequences. */
        float[][] tell(CpuDevice device, int pageSize, int neighbours, int[] ends) {
            var inputs = new Random(seed);
            float[][] q = values(inputs, group * kvHeads * headDim);
            float[][] k = values(inputs, kvHeads * headDim);
            float[][] v = values(inputs, kvHeads * headDim);
            var scene = new Scene(device, ends.length + 31L * neighbours);
            var pages = new AttentionCase.Pages(1 + neighbours, pageSize, length, scene.random());
            var cache = device.kvCache(new KvCache.Shape(1, pages.count() * pageSize, kvHeads, headDim, kv));
            var result = new float[length][];
            int from = 0;
            for (int to : ends) {
                chunk(scene, pages, cache, new float[][][] {q, k, v}, neighbours, from, to, result);
                from = to;
            }
            return result;
        }

        private float[][] values(Random random, int cols) {
            var all = new float[length][cols];
            for (float[] row : all) {
                for (int j = 0; j < cols; j++) {
                    row[j] = (float) random.nextGaussian();
                }
            }
            return all;
        }

        private void chunk(
                Scene scene,
                AttentionCase.Pages pages,
                KvCache cache,
                float[][][] qkv,
                int neighbours,
                int from,
                int to,
                float[][] result) {
            // neighbours compute their positions 0 .. 2 once more; the sequence itself comes last
            var parts = new ArrayList<int[]>();
            for (int n = 0; n < neighbours; n++) {
                parts.add(new int[] {1 + n, 0, Math.min(3, length)});
            }
            int before = neighbours * Math.min(3, length);
            parts.add(new int[] {0, from, to});
            Tensor[] t = new Tensor[3];
            for (int i = 0; i < 3; i++) {
                int cols = qkv[i][0].length;
                var rows = new float[before + to - from][cols];
                System.arraycopy(qkv[i], from, rows, before, to - from);
                t[i] = scene.numbers(DType.F32, rows, cols, cols);
            }
            Tensor out = scene.out(before + to - from, t[0].cols());
            scene.device()
                    .ops()
                    .attention(new Ops.Attend(
                            0, t[0], t[1], t[2], out, headDim, 0.3f, window, pages.inputs(scene, parts), cache));
            System.arraycopy(scene.read(out), before, result, from, to - from);
        }
    }

    @Test
    void attentionIsTheSameInAnyChunksCompanyPagesAndThreads() {
        for (long seed = 0; seed < 18; seed++) {
            assertToldAlike(Story.random(seed), List.of(ONE, TWO, seed % 2 == 0 ? FIVE : TWO_NODES));
        }
    }

    /** Splits that are spread over threads come in turns then. */
    @Test
    void norWhereThereIsMemoryForFewStates() {
        for (long seed = 0; seed < 24; seed++) {
            Story story = Story.random(seed);
            if (story.length() > 2 * Attention.SPLIT && story.window() == 0) {
                assertToldAlike(story, List.of(ONE, FEW_STATES, FEW_STATES));
            }
        }
        try (CpuDevice one = TestDevices.withTiles(1);
                CpuDevice few = TestDevices.withTilesAndFewStates(5)) {
            if (one != null && few != null) {
                assertToldAlike(new Story(7, KvType.BF16, 64, 3, 1, 0, 1100), List.of(one, few, few));
            }
        }
    }

    @Test
    void attentionByTilesIsTheSameToo() {
        var devices = new ArrayList<CpuDevice>();
        for (int threads : new int[] {1, 2, 5}) {
            CpuDevice device = TestDevices.withTiles(threads);
            if (device == null) {
                return;
            }
            devices.add(device);
        }
        for (long seed = 0; seed < 48; seed++) {
            Story story = Story.random(seed);
            if (story.kv().read() == DType.BF16) {
                assertToldAlike(story, devices);
            }
        }
        // a chunk of one token has a kernel of its own, up to 16 heads
        int[][] headDimAndGroup = {{64, 3}, {128, 8}, {80, 7}, {256, 2}, {64, 16}, {64, 17}};
        for (int i = 0; i < headDimAndGroup.length; i++) {
            int window = i % 2 * 70;
            int[] shape = headDimAndGroup[i];
            assertToldAlike(new Story(100 + i, KvType.BF16, shape[0], shape[1], 1, window, 140), devices);
        }
        devices.forEach(CpuDevice::close);
    }

    private static void assertToldAlike(Story story, List<CpuDevice> devices) {
        float[][] whole = story.tell(devices.get(0), 1, 0, new int[] {story.length()});
        var random = new Random(story.seed());
        for (int way = 0; way < 3; way++) {
            var ends = new ArrayList<Integer>();
            for (int at = 0; at < story.length(); ) {
                at += 1 + random.nextInt(way == 0 ? 7 : story.length());
                at = story.length() > 500 && way == 0 && at > 20 && at < 1010 ? 1010 : at;
                ends.add(Math.min(at, story.length()));
            }
            float[][] other = story.tell(
                    devices.get(way),
                    1 + 15 * (way % 2),
                    way,
                    ends.stream().mapToInt(i -> i).toArray());
            for (int p = 0; p < story.length(); p++) {
                assertSameBits(other[p], whole[p], story + " way " + way + " position " + p);
            }
        }
    }

    @Test
    void rowsOfTheOtherOpsAreTheSameAlone() {
        var scene = new Scene(TWO, 5);
        int cols = 1200;
        Tensor x = scene.numbers(DType.F32, 40, cols);
        Tensor weight = scene.numbers(DType.BF16, 1, cols);
        Tensor norm = scene.out(40, cols);
        Tensor silu = scene.out(40, cols / 2);
        TWO.ops().rmsNorm(x, weight, 1e-5f, norm);
        TWO.ops().siluMul(x, silu);
        float[][] norms = scene.read(norm);
        float[][] silus = scene.read(silu);
        for (int i = 0; i < 40; i += 7) {
            Tensor oneNorm = scene.out(1, cols);
            Tensor oneSilu = scene.out(1, cols / 2);
            TWO.ops().rmsNorm(x.rows(i, 1), weight, 1e-5f, oneNorm);
            TWO.ops().siluMul(x.rows(i, 1), oneSilu);
            assertSameBits(norms[i], scene.read(oneNorm)[0], "norm of row " + i);
            assertSameBits(silus[i], scene.read(oneSilu)[0], "silu of row " + i);
        }
    }
}
