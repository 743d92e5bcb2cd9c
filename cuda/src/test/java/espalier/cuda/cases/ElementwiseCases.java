package espalier.cuda.cases;

import espalier.cuda.kernel.Elementwise;
import espalier.cuda.kernel.View;
import espalier.tensor.BFloat16;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;

/** The ops that touch each number once, over types, widths and alignments. */
final class ElementwiseCases {
    private static final double STORED = 5e-3;
    private static final float EPS = 1e-5f;

    private ElementwiseCases() {}

    static List<KernelCase> all() {
        var all = new ArrayList<KernelCase>();
        for (DType type : List.of(DType.BF16, DType.F16, DType.F32)) {
            for (int cols : new int[] {64, 100, 1037}) {
                add(all, "norms", type, cols, ElementwiseCases::norms);
                add(all, "sums and gates", type, cols, ElementwiseCases::sums);
                add(all, "gathers", type, cols, ElementwiseCases::gathers);
            }
        }
        add(all, "norms", DType.BF16, 8192 + 24, ElementwiseCases::norms);
        add(all, "norms", DType.BF16, 16_384 + 8, ElementwiseCases::norms);
        all.add(named("elementwise conversions", ElementwiseCases::conversions));
        all.add(named("elementwise ids", ElementwiseCases::ids));
        all.add(named("elementwise dummy weights", ElementwiseCases::dummyWeights));
        all.add(new Timed());
        return all;
    }

    /** A case's matrix on the device and, rounded as it is stored there, on the host. */
    private record Matrix(View view, float[] values) {}

    private record Shape(DType type, int cols) {}

    private static void add(List<KernelCase> all, String what, DType type, int cols, BiConsumer<Workbench, Shape> run) {
        all.add(named("elementwise " + what + " " + type + " x" + cols, b -> run.accept(b, new Shape(type, cols))));
    }

    private static KernelCase named(String name, java.util.function.Consumer<Workbench> check) {
        return new KernelCase() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public void check(Workbench bench) {
                check.accept(bench);
            }
        };
    }

    private static Matrix matrix(Workbench b, DType type, int rows, int cols) {
        float[] values = b.normal(rows * cols, 1);
        long at = switch (type) {
            case BF16 -> b.bf16(values);
            case F16 -> b.f16(values);
            case F32, I32 -> b.floats(values);
        };
        return new Matrix(View.dense(at, type, rows, cols), values);
    }

    private static View empty(Workbench b, DType type, int rows, int cols) {
        return View.dense(b.poisoned(((long) rows * cols * type.bytes() + 3) / 4 * 4), type, rows, cols);
    }

    private static float[] read(Workbench b, View v) {
        int count = v.rows() * v.cols();
        return switch (v.type()) {
            case BF16 -> b.readBf16(v.address(), count);
            case F16 -> b.readF16(v.address(), count);
            case F32, I32 -> b.readFloats(v.address(), count);
        };
    }

    private static float rounded(DType type, float f) {
        return switch (type) {
            case BF16 -> BFloat16.toFloat(BFloat16.of(f));
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(f));
            case F32, I32 -> f;
        };
    }

    private static float[] normed(float[] x, float[] weight, int cols) {
        var out = new float[x.length];
        for (int from = 0; from < x.length; from += cols) {
            double squares = 0;
            for (int c = 0; c < cols; c++) {
                squares += (double) x[from + c] * x[from + c];
            }
            double scale = 1 / Math.sqrt(squares / cols + EPS);
            for (int c = 0; c < cols; c++) {
                out[from + c] = (float) (x[from + c] * scale * weight[c]);
            }
        }
        return out;
    }

    private static void norms(Workbench b, Shape s) {
        var ops = new Elementwise(b.driver(), b.stream());
        Matrix x = matrix(b, s.type, 3, s.cols);
        Matrix weight = matrix(b, DType.BF16, 1, s.cols);
        View out = empty(b, s.type, 3, s.cols);
        ops.rmsNorm(x.view, weight.view, EPS, out);
        b.compare("rmsNorm", read(b, out), normed(x.values, weight.values, s.cols), s.cols, STORED);
        int headDim = s.cols % 4 == 0 ? s.cols / 4 : s.cols;
        Matrix headWeight = matrix(b, s.type, 1, headDim);
        ops.headNorm(x.view, headDim, headWeight.view, EPS);
        b.compare("headNorm", read(b, x.view), normed(x.values, headWeight.values, headDim), headDim, STORED);
    }

    private static void sums(Workbench b, Shape s) {
        var ops = new Elementwise(b.driver(), b.stream());
        Matrix x = matrix(b, s.type, 3, s.cols);
        Matrix delta = matrix(b, s.type, 3, s.cols);
        Matrix bias = matrix(b, DType.F32, 1, s.cols);
        ops.add(x.view, delta.view);
        var sum = new float[x.values.length];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = rounded(s.type, x.values[i] + delta.values[i]);
        }
        b.compare("add", read(b, x.view), sum, s.cols, 0);
        ops.addBias(x.view, bias.view);
        for (int i = 0; i < sum.length; i++) {
            sum[i] = rounded(s.type, sum[i] + bias.values[i % s.cols]);
        }
        b.compare("addBias", read(b, x.view), sum, s.cols, 0);
        Matrix both = matrix(b, s.type, 2, 2 * s.cols);
        View out = empty(b, s.type, 2, s.cols);
        var silu = new float[2 * s.cols];
        var gelu = new float[2 * s.cols];
        for (int i = 0; i < silu.length; i++) {
            double gate = both.values[i / s.cols * 2 * s.cols + i % s.cols];
            double up = both.values[i / s.cols * 2 * s.cols + s.cols + i % s.cols];
            silu[i] = (float) (gate / (1 + Math.exp(-gate)) * up);
            double inner = Math.sqrt(2 / Math.PI) * (gate + 0.044715 * gate * gate * gate);
            gelu[i] = (float) (0.5 * gate * (1 + Math.tanh(inner)) * up);
        }
        ops.siluMul(both.view, out);
        b.compare("siluMul", read(b, out), silu, s.cols, STORED);
        ops.geluMul(both.view, out);
        b.compare("geluMul", read(b, out), gelu, s.cols, STORED);
    }

    private static void gathers(Workbench b, Shape s) {
        var ops = new Elementwise(b.driver(), b.stream());
        Matrix table = matrix(b, DType.BF16, 9, s.cols);
        View out = empty(b, s.type, 5, s.cols);
        ops.embed(b.ints(103, 108, 99, -2, 109), b.ints(7, 104), table.view, 100, out);
        var want = new float[5 * s.cols];
        System.arraycopy(table.values, 3 * s.cols, want, 0, s.cols);
        System.arraycopy(table.values, 8 * s.cols, want, s.cols, s.cols);
        System.arraycopy(table.values, 4 * s.cols, want, 3 * s.cols, s.cols);
        b.compare("embed", read(b, out), want, s.cols, s.type == DType.F16 ? 1e-3 : 0);
        Matrix x = matrix(b, s.type, 4, s.cols);
        View some = empty(b, s.type, 2, s.cols - 3); // part of each row
        ops.gatherRows(x.view.cols(3, s.cols - 3), b.ints(2, 0), some);
        var rows = new float[2 * (s.cols - 3)];
        System.arraycopy(x.values, 2 * s.cols + 3, rows, 0, s.cols - 3);
        System.arraycopy(x.values, 3, rows, s.cols - 3, s.cols - 3);
        b.compare("gatherRows", read(b, some), rows, s.cols - 3, s.type == DType.F16 ? 1e-3 : 0);
    }

    private static void conversions(Workbench b) {
        var ops = new Elementwise(b.driver(), b.stream());
        List<DType> types = List.of(DType.F32, DType.BF16, DType.F16);
        for (DType from : types) {
            for (DType to : types) {
                Matrix x = matrix(b, from, 2, 75);
                var want = new float[150];
                for (int i = 0; i < want.length; i++) {
                    want[i] = rounded(to, rounded(from, x.values[i] * 1.001f));
                    x.values[i] *= 1.001f;
                }
                View source = View.dense(upload(b, from, x.values), from, 2, 75);
                View target = empty(b, to, 2, 75);
                ops.copy(source, target);
                b.compare("copy " + from + " to " + to, read(b, target), want, 75, 0);
            }
        }
        View integers = View.dense(b.ints(1, -2, Integer.MIN_VALUE, 0x7fc01234), DType.I32, 1, 4);
        View copied = empty(b, DType.I32, 1, 4);
        ops.copy(integers, copied);
        require(java.util.Arrays.equals(
                b.readInts(copied.address(), 4), new int[] {1, -2, Integer.MIN_VALUE, 0x7fc01234}));
    }

    private static long upload(Workbench b, DType type, float[] values) {
        return switch (type) {
            case BF16 -> b.bf16(values);
            case F16 -> b.f16(values);
            case F32, I32 -> b.floats(values);
        };
    }

    private static void ids(Workbench b) {
        var ops = new Elementwise(b.driver(), b.stream());
        long ids = b.ints(5, -1, 0, -3);
        ops.resolveIds(ids, 4, b.ints(70, 71, 72));
        require(java.util.Arrays.equals(b.readInts(ids, 4), new int[] {5, 70, 0, 72}));
        long words = b.poisoned(4 * 70);
        ops.fill(words, 9, 69);
        int[] filled = b.readInts(words, 70);
        require(filled[0] == 9 && filled[68] == 9 && filled[69] == -1);
    }

    /** The host's numbers: {@code DummyCheckpoint}'s, truncated to bf16. */
    private static void dummyWeights(Workbench b) {
        View to = empty(b, DType.BF16, 3, 67);
        new Elementwise(b.driver(), b.stream()).fillUniform(to, -77, 0.3f);
        short[] got = b.readShorts(to.address(), 201);
        long gamma = 0x9E3779B97F4A7C15L;
        for (int pair = 0; 2 * pair < got.length; pair++) {
            long drawn = new SplittableRandom(-77L * gamma + pair * gamma).nextLong();
            float scale = 0.3f / (1L << 31);
            require(got[2 * pair] == (short) (Float.floatToRawIntBits((int) drawn * scale) >>> 16));
            if (2 * pair + 1 < got.length) {
                require(got[2 * pair + 1] == (short) (Float.floatToRawIntBits((int) (drawn >>> 32) * scale) >>> 16));
            }
        }
    }

    private static void require(boolean holds) {
        if (!holds) {
            throw new AssertionError("the device has other bits than the host");
        }
    }

    /** Norms and gates of Llama-3.1-8B. */
    private static final class Timed implements KernelCase {
        @Override
        public String name() {
            return "elementwise times";
        }

        @Override
        public void check(Workbench bench) {
            // the other cases check
        }

        @Override
        public void time(Workbench b) {
            var ops = new Elementwise(b.driver(), b.stream());
            for (int rows : new int[] {1, 64, 256, 8192}) {
                View x = View.dense(b.zeros(rows * 4096L * 2), DType.BF16, rows, 4096);
                View y = View.dense(b.zeros(rows * 4096L * 2), DType.BF16, rows, 4096);
                View out = View.dense(b.zeros(rows * 4096L * 2), DType.BF16, rows, 4096);
                View weight = View.dense(b.zeros(4096L * 2), DType.BF16, 1, 4096);
                View wide = View.dense(b.zeros(rows * 28_672L * 2), DType.BF16, rows, 28_672);
                View half = View.dense(b.zeros(rows * 14_336L * 2), DType.BF16, rows, 14_336);
                times(b, 32, "rmsNorm " + rows + "x4096", () -> ops.rmsNorm(x, weight, EPS, out), rows * 4096.0 * 4);
                times(b, 32, "add " + rows + "x4096", () -> ops.add(x, y), rows * 4096.0 * 6);
                times(b, 32, "siluMul " + rows + "x14336", () -> ops.siluMul(wide, half), rows * 14_336.0 * 6);
            }
        }

        private static void times(Workbench b, int runs, String what, Runnable op, double bytes) {
            b.timed(
                    what,
                    runs,
                    () -> {
                        for (int i = 0; i < runs; i++) {
                            op.run();
                        }
                    },
                    bytes,
                    0);
        }
    }
}
