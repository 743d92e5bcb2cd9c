package espalier.cuda.cases;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.Epilogue;
import espalier.cuda.kernel.View;
import espalier.tensor.DType;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;

/** Random operands of a product {@code x w^T} on the device, and the product in double. */
final class ProductOperands {
    private final Workbench bench;
    private final Dims dims;
    private final View x;
    private final View w;
    private final double[] sums;

    /**
     * {@code x[m, k]} times {@code w[n, k]}, transposed.
     *
     * @param gap numbers between a row of x or of the result and the next
     */
    record Dims(int m, int n, int k, int gap) {
        static Dims dense(int m, int n, int k) {
            return new Dims(m, n, k, 0);
        }

        @Override
        public String toString() {
            return m + "x" + n + "x" + k;
        }
    }

    /** Of a kernel. */
    interface Multiply {
        void run(View x, View w, View y, Epilogue epilogue);
    }

    /** What is asked of a kernel, and the type that it is to write. */
    record Call(Multiply kernel, DType result, Epilogue epilogue) {}

    private ProductOperands(Workbench bench, Dims dims, View x, View w, double[] sums) {
        this.bench = bench;
        this.dims = dims;
        this.x = x;
        this.w = w;
        this.sums = sums;
    }

    static ProductOperands of(Workbench bench, Dims dims, DType type, DType weightType) {
        int pitch = dims.k + dims.gap;
        float[] xs = bench.normal(dims.m * pitch, 1);
        float[] ws = bench.normal(dims.n * dims.k, 1 / Math.sqrt(dims.k));
        View x = View.dense(put(bench, type, xs), type, dims.m, pitch).cols(0, dims.k);
        View w = View.dense(put(bench, weightType, ws), weightType, dims.n, dims.k);
        return new ProductOperands(bench, dims, x, w, product(packed(xs, dims.k, dims.gap), ws, dims));
    }

    static boolean isHopper(DeviceProperties device) {
        return device.computeCapability() == 90;
    }

    /** Against the definition; what lies between rows, and elsewhere before, is at random. */
    void check(Call call, double tolerance) {
        int cols = call.epilogue == Epilogue.SILU_MUL ? dims.n / 2 : dims.n;
        int pitch = cols + dims.gap;
        View whole = View.dense(put(bench, call.result, bench.normal(dims.m * pitch, 1)), call.result, dims.m, pitch);
        float[] before = get(whole);
        call.kernel.run(x, w, whole.cols(0, cols), call.epilogue);
        float[] after = get(whole);
        String what = call.epilogue + " as " + call.result;
        float[] want = want(call.epilogue, packed(before, cols, dims.gap));
        bench.compare(what, packed(after, cols, dims.gap), want, cols, tolerance);
        for (int i = 0; i < after.length; i++) {
            if (i % pitch >= cols && after[i] != before[i]) {
                throw new AssertionError(what + ": written between rows, at " + i);
            }
        }
    }

    private float[] want(Epilogue epilogue, float[] before) {
        int cols = dims.n / 2;
        return switch (epilogue) {
            case STORE -> floats(before.length, i -> sums[i]);
            case ADD -> floats(before.length, i -> sums[i] + before[i]);
            case SILU_MUL ->
                floats(before.length, i -> {
                    int at = i / cols * dims.n + i % cols;
                    return sums[at] / (1 + Math.exp(-sums[at])) * sums[at + cols];
                });
        };
    }

    /** Two equal rows, the first and the last, have the same bits alone and among each number of rows. */
    static void requireAlike(Workbench bench, Dims dims, DType type, Call call, int... batches) {
        float[] xs = bench.normal(dims.m * dims.k, 1);
        System.arraycopy(xs, 0, xs, (dims.m - 1) * dims.k, dims.k);
        View x = View.dense(put(bench, type, xs), type, dims.m, dims.k);
        View w = View.dense(put(bench, type, bench.normal(dims.n * dims.k, 0.05)), type, dims.n, dims.k);
        int cols = call.epilogue == Epilogue.SILU_MUL ? dims.n / 2 : dims.n;
        int words = cols * call.result.bytes() / Integer.BYTES;
        int[] alone = new int[0];
        for (int m : batches) {
            View y = View.dense(bench.poisoned((long) m * words * Integer.BYTES), call.result, m, cols);
            call.kernel.run(x.rows(0, m), w, y, call.epilogue);
            for (int row : m == dims.m ? new int[] {0, m - 1} : new int[1]) {
                int[] bits = bench.readInts(y.rows(row, 1).address(), words);
                alone = alone.length == 0 ? bits : alone;
                if (!Arrays.equals(alone, bits)) {
                    throw new AssertionError(
                            "a row among " + batches[0] + " and in place " + row + " of " + m + " differ");
                }
            }
        }
    }

    /** Rows without the gaps. */
    private static float[] packed(float[] from, int cols, int gap) {
        return floats(from.length / (cols + gap) * cols, i -> from[i / cols * (cols + gap) + i % cols]);
    }

    private static float[] floats(int count, IntToDoubleFunction of) {
        var out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = (float) of.applyAsDouble(i);
        }
        return out;
    }

    private static double[] product(float[] x, float[] w, Dims dims) {
        var y = new double[dims.m * dims.n];
        for (int i = 0; i < dims.m; i++) {
            for (int j = 0; j < dims.n; j++) {
                double sum = 0;
                for (int c = 0; c < dims.k; c++) {
                    sum += (double) x[i * dims.k + c] * w[j * dims.k + c];
                }
                y[i * dims.n + j] = sum;
            }
        }
        return y;
    }

    private static long put(Workbench bench, DType type, float[] values) {
        return switch (type) {
            case BF16 -> bench.bf16(values);
            case F16 -> bench.f16(values);
            case F32, I32 -> bench.floats(values);
        };
    }

    private float[] get(View v) {
        int count = v.rows() * v.cols();
        return switch (v.type()) {
            case BF16 -> bench.readBf16(v.address(), count);
            case F16 -> bench.readF16(v.address(), count);
            case F32, I32 -> bench.readFloats(v.address(), count);
        };
    }
}
