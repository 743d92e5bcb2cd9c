package espalier.cuda.sim;

import espalier.cuda.cases.Workbench;
import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.TensorMap;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Small kernels of every kind (norm, product, paged decode attention, prefill attention on mma.sync and cp.async, a
 * product on TMA, mbarriers and wgmma) with references in double: what the simulator's own tests run. They are not the
 * product's kernels and change only with these tests.
 */
final class Specimens {
    private static final double LOG2E = 1.4426950408889634;
    private static final long SEED = 7;

    /** Largest error, relative to the value plus the mean value, and the largest allowed. */
    record Result(double error, double allowed) {
        boolean right() {
            return error <= allowed;
        }
    }

    /** A specimen at one shape. */
    record Named(String name, Run run) {}

    @FunctionalInterface
    interface Run {
        Result on(Workbench bench);
    }

    private interface At {
        double of(int token, int channel);
    }

    /** A kernel of a specimen's file. */
    record Entry(String file, String name, Map<String, String> defines) {}

    private Specimens() {}

    static void launch(Workbench bench, Entry entry, Launch launch, Arguments arguments) {
        var headers = Map.of("dev.cuh", read("dev.cuh"), "ptx.cuh", read("ptx.cuh"));
        var program = new Program(entry.file, read(entry.file), headers, entry.defines);
        bench.driver().launch(bench.stream(), bench.driver().kernel(program, entry.name), launch, arguments);
    }

    static String read(String resource) {
        try (InputStream in = Specimens.class.getResourceAsStream(resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Arguments pointers(long... addresses) {
        Arguments arguments = Arguments.of();
        for (long a : addresses) {
            arguments.pointer(a);
        }
        return arguments;
    }

    /** Memory that nobody has written. */
    private static long room(Workbench bench, long bytes) {
        return bench.driver().allocate(bytes, "a specimen");
    }

    /** Boxes of 64 columns and {@code boxRows} rows of a bf16 matrix. */
    private static TensorMap map(Workbench bench, long address, int cols, int rows, int boxRows) {
        return bench.driver()
                .tensorMap(new TensorMap.Layout(
                        TensorMap.Element.BF16,
                        address,
                        new TensorMap.Sizes(cols, rows),
                        new TensorMap.Strides(cols * 2L),
                        new TensorMap.Box(64, boxRows),
                        TensorMap.Swizzle.BYTES_128,
                        TensorMap.Promotion.NONE));
    }

    /** Normal deviates that bf16 holds exactly. */
    static float[] random(Random r, int n) {
        float[] x = new float[n];
        for (int k = 0; k < n; k++) {
            x[k] = Alu.bf16(Alu.toBf16((float) r.nextGaussian()));
        }
        return x;
    }

    static double error(float[] got, double[] want) {
        double mean = 1e-30, worst = 0;
        for (double w : want) {
            mean += Math.abs(w) / want.length;
        }
        for (int k = 0; k < want.length; k++) {
            double e = Math.abs(got[k] - want[k]) / (Math.abs(want[k]) + mean);
            worst = Double.isNaN(e) ? Double.POSITIVE_INFINITY : Math.max(worst, e);
        }
        return worst;
    }

    static Result addRmsnorm(Workbench bench, int rows, int dim, int threads) {
        var r = new Random(SEED);
        int n = rows * dim;
        float[] x = random(r, n), residual = random(r, n), weight = random(r, dim);
        long sums = bench.bf16(residual), out = room(bench, n * 2);
        launch(
                bench,
                new Entry("add_rmsnorm.cu", "add_rmsnorm", Map.of()),
                Launch.of(rows, threads),
                pointers(out, sums, bench.bf16(x), bench.bf16(weight))
                        .int32(dim)
                        .float32(1e-5f));
        double[] want = new double[n], sum = new double[n], squares = new double[rows];
        for (int k = 0; k < n; k++) {
            sum[k] = Alu.bf16(Alu.toBf16(x[k] + residual[k]));
            squares[k / dim] += sum[k] * sum[k];
        }
        for (int k = 0; k < n; k++) {
            want[k] = sum[k] / Math.sqrt(squares[k / dim] / dim + 1e-5) * weight[k % dim];
        }
        double exact = error(bench.readBf16(sums, n), sum) > 0 ? 1 : 0;
        return new Result(exact + error(bench.readBf16(out, n), want), 0.006);
    }

    static Result gemv(Workbench bench, int rows, int cols) {
        var r = new Random(SEED);
        float[] w = random(r, rows * cols), x = random(r, cols);
        long y = room(bench, rows * 4);
        launch(
                bench,
                new Entry("gemv.cu", "gemv", Map.of()),
                Launch.of((rows + 3) / 4, 128),
                pointers(y, bench.bf16(w), bench.bf16(x)).int32(rows).int32(cols));
        double[] want = new double[rows];
        for (int k = 0; k < rows * cols; k++) {
            want[k / cols] += (double) w[k] * x[k % cols];
        }
        return new Result(error(bench.readFloats(y, rows), want), 1e-5);
    }

    /** softmax(q k / sqrt(d)) v over {@code n} tokens, added to {@code out} at {@code at}. */
    private static void attend(At q, At k, At v, int n, int d, double[] out, int at) {
        double[] s = new double[n];
        double top = Double.NEGATIVE_INFINITY, sum = 0;
        for (int t = 0; t < n; t++) {
            for (int c = 0; c < d; c++) {
                s[t] += q.of(0, c) * k.of(t, c);
            }
            s[t] /= Math.sqrt(d);
            top = Math.max(top, s[t]);
        }
        for (int t = 0; t < n; t++) {
            s[t] = Math.exp(s[t] - top);
            sum += s[t];
        }
        for (int t = 0; t < n; t++) {
            for (int c = 0; c < d; c++) {
                out[at + c] += s[t] / sum * v.of(t, c);
            }
        }
    }

    /** {@code n} of the numbers below {@code all}. */
    private static int[] shuffled(Random r, int all, int n) {
        var numbers = new ArrayList<Integer>();
        for (int p = 0; p < all; p++) {
            numbers.add(p);
        }
        Collections.shuffle(numbers, r);
        return numbers.stream().limit(n).mapToInt(p -> p).toArray();
    }

    /** Lengths of the sequences, query heads, key and value heads, head dimension, tokens of a page, splits. */
    record Decode(int[] lengths, int heads, int kv, int d, int page, int splits) {}

    static Result decodeAttn(Workbench bench, Decode c) {
        var r = new Random(SEED);
        int batch = c.lengths.length, group = c.heads / c.kv, d = c.d;
        int longest = Arrays.stream(c.lengths).max().orElseThrow();
        int maxPages = (longest + c.page - 1) / c.page, pages = batch * maxPages + 3, n = batch * c.heads;
        float[] q = random(r, n * d), k = random(r, pages * c.page * c.kv * d), v = random(r, k.length);
        int[] table = shuffled(r, pages, batch * maxPages);
        long o = room(bench, n * c.splits * d * 4),
                ml = room(bench, n * c.splits * 2 * 4),
                out = room(bench, n * d * 2);
        var define = Map.of("HEAD_DIM", "" + d);
        launch(
                bench,
                new Entry("decode_attn.cu", "decode_attn", define),
                Launch.of(new Launch.Dim(c.splits, c.kv, batch), Launch.Dim.of(group * 32))
                        .shared(4 * 32 * (d + 8) * 2 + group * 32 * 4),
                pointers(o, ml, bench.bf16(q), bench.bf16(k), bench.bf16(v), bench.ints(table), bench.ints(c.lengths))
                        .int32(Integer.numberOfTrailingZeros(c.page))
                        .int32(maxPages)
                        .float32((float) (LOG2E / Math.sqrt(d))));
        launch(
                bench,
                new Entry("decode_attn.cu", "decode_combine", define),
                Launch.of(Launch.Dim.of(c.heads, batch), Launch.Dim.of(d)),
                pointers(out, o, ml).int32(c.splits));
        double[] want = new double[n * d];
        for (int h = 0; h < n; h++) {
            int row = h * d, kvHead = h % c.heads / group, first = h / c.heads * maxPages;
            At place = (t, ch) -> ((table[first + t / c.page] * c.page + t % c.page) * c.kv + kvHead) * d + ch;
            attend(
                    (_, ch) -> q[row + ch],
                    (t, ch) -> k[(int) place.of(t, ch)],
                    (t, ch) -> v[(int) place.of(t, ch)],
                    c.lengths[h / c.heads],
                    d,
                    want,
                    row);
        }
        return new Result(error(bench.readBf16(out, n * d), want), 0.006);
    }

    static Result prefillAttn(Workbench bench, int n, int heads, int kv, int d) {
        var r = new Random(SEED);
        float[] q = random(r, n * heads * d), k = random(r, n * kv * d), v = random(r, n * kv * d);
        long out = room(bench, n * heads * d * 2);
        launch(
                bench,
                new Entry("prefill_attn.cu", "prefill_attn", Map.of("HEAD_DIM", "" + d)),
                Launch.of(Launch.Dim.of((n + 63) / 64, heads), Launch.Dim.of(128))
                        .shared(64 * d * 2 * 5),
                pointers(out, bench.bf16(q), bench.bf16(k), bench.bf16(v))
                        .int32(n)
                        .int32(heads)
                        .int32(kv)
                        .float32((float) (LOG2E / Math.sqrt(d))));
        double[] want = new double[n * heads * d];
        for (int th = 0; th < n * heads; th++) {
            int row = th * d, kvHead = th % heads * kv / heads;
            attend(
                    (_, c) -> q[row + c],
                    (t, c) -> k[(t * kv + kvHead) * d + c],
                    (t, c) -> v[(t * kv + kvHead) * d + c],
                    th / heads + 1,
                    d,
                    want,
                    row);
        }
        return new Result(error(bench.readBf16(out, n * heads * d), want), 0.012);
    }

    static Result gemmWgmma(Workbench bench, int m, int n, int k) {
        var r = new Random(SEED);
        float[] a = random(r, m * k), b = random(r, n * k);
        long out = room(bench, m * n * 2);
        launch(
                bench,
                new Entry("gemm_wgmma.cu", "gemm_wgmma", Map.of()),
                Launch.of(Launch.Dim.of((n + 127) / 128, (m + 63) / 64), Launch.Dim.of(256))
                        .shared(3 * (64 + 128) * 64 * 2 + 64),
                Arguments.of()
                        .tensorMap(map(bench, bench.bf16(a), k, m, 64))
                        .tensorMap(map(bench, bench.bf16(b), k, n, 128))
                        .pointer(out)
                        .int32(m)
                        .int32(n)
                        .int32(k));
        double[] want = new double[m * n];
        for (int i = 0; i < m * n; i++) {
            for (int x = 0; x < k; x++) {
                want[i] += (double) a[i / n * k + x] * b[i % n * k + x];
            }
        }
        return new Result(error(bench.readBf16(out, m * n), want), 0.006);
    }

    /** Every specimen that the architecture can run, at odd shapes too. */
    static List<Named> all(String arch) {
        var list = new ArrayList<Named>();
        for (int[] s : new int[][] {{1, 64, 256}, {3, 256, 256}, {2, 1536, 128}, {1, 5120, 256}, {2, 520, 64}}) {
            list.add(new Named("add_rmsnorm " + Arrays.toString(s), b -> addRmsnorm(b, s[0], s[1], s[2])));
        }
        for (int[] s : new int[][] {{5, 64}, {64, 520}}) {
            list.add(new Named("gemv " + Arrays.toString(s), b -> gemv(b, s[0], s[1])));
        }
        for (Decode c : List.of(
                new Decode(new int[] {1}, 4, 4, 64, 16, 2),
                new Decode(new int[] {256}, 4, 2, 64, 16, 2),
                new Decode(new int[] {33, 100, 7}, 8, 2, 64, 16, 2),
                new Decode(new int[] {300, 64}, 8, 1, 128, 32, 4),
                new Decode(new int[] {97}, 12, 4, 128, 64, 1))) {
            list.add(new Named("decode_attn " + c, b -> decodeAttn(b, c)));
        }
        if (!arch.equals("75")) { // which has no cp.async
            for (int[] s : new int[][] {{1, 1, 1, 64}, {64, 2, 1, 64}, {100, 4, 2, 64}, {130, 4, 1, 128}}) {
                list.add(new Named("prefill_attn " + Arrays.toString(s), b -> prefillAttn(b, s[0], s[1], s[2], s[3])));
            }
        }
        if (arch.equals("90a")) {
            for (int[] s : new int[][] {{64, 128, 64}, {128, 256, 512}, {70, 136, 200}, {1, 128, 1024}}) {
                list.add(new Named("gemm_wgmma " + Arrays.toString(s), b -> gemmWgmma(b, s[0], s[1], s[2])));
            }
        }
        return list;
    }
}
