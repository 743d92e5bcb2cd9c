package espalier.cuda.cases;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.Epilogue;
import espalier.cuda.kernel.PromptProduct;
import espalier.cuda.kernel.View;
import espalier.cuda.kernel.WgmmaProduct;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Products of prompts on sm_90a against sums in double: odd tiles, a lone block of a cluster, rows with a gap. */
final class PromptProductCases {
    private PromptProductCases() {}

    static List<KernelCase> all() {
        var all = new ArrayList<KernelCase>();
        all.add(new Checked(128, 256, 64, 0, DType.BF16));
        all.add(new Checked(300, 272, 328, 8, DType.BF16));
        all.add(new Checked(1, 528, 136, 0, DType.F16));
        all.add(new Checked(140, 1040, 200, 24, DType.BF16));
        all.add(new Invariant());
        all.add(new SameBits());
        return all;
    }

    private static boolean isHopper(DeviceProperties device) {
        return device.computeCapability() == 90;
    }

    /** @param gap numbers between a row of x or y and the next */
    private record Checked(int m, int n, int k, int gap, DType type) implements KernelCase {
        @Override
        public String name() {
            return "product of prompts " + m + "x" + n + "x" + k + " " + type;
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return isHopper(device);
        }

        @Override
        public void check(Workbench b) {
            float[] x = b.normal(m * (k + gap), 1);
            float[] w = b.normal(n * k, 1 / Math.sqrt(k));
            double[] sums = ProductCases.product(packed(x, k), w, m, n, k);
            View xs = View.dense(b.halves(type, x), type, m, k + gap).cols(0, k);
            View ws = View.dense(b.halves(type, w), type, n, k);
            var kernel = new PromptProduct(b.driver(), b.stream());
            stored(b, kernel, xs, ws, sums, Epilogue.STORE);
            stored(b, kernel, xs, ws, sums, Epilogue.SILU_MUL);
        }

        /** Rows without the gaps. */
        private float[] packed(float[] from, int cols) {
            var to = new float[m * cols];
            for (int i = 0; i < to.length; i++) {
                to[i] = from[i / cols * (cols + gap) + i % cols];
            }
            return to;
        }

        private void stored(Workbench b, PromptProduct kernel, View x, View w, double[] sums, Epilogue epilogue) {
            boolean gated = epilogue == Epilogue.SILU_MUL;
            int cols = gated ? n / 2 : n;
            View whole = View.dense(b.zeros(2L * m * (cols + gap)), type, m, cols + gap);
            kernel.multiply(x, w, whole.cols(0, cols), epilogue);
            float[] all = type == DType.F16
                    ? b.readF16(whole.address(), m * (cols + gap))
                    : b.readBf16(whole.address(), m * (cols + gap));
            float[] want = gated ? ProductCases.gated(sums, cols) : ProductCases.floats(sums);
            b.compare(epilogue.toString(), packed(all, cols), want, cols, 5e-3);
            for (int i = 0; i < all.length; i++) {
                if (i % (cols + gap) >= cols && all[i] != 0) {
                    throw new AssertionError("written between rows, at " + i);
                }
            }
        }
    }

    /** A row has the same bits wherever it lies. */
    private record Invariant() implements KernelCase {
        @Override
        public String name() {
            return "product of prompts gives a row the same bits in every batch";
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return isHopper(device);
        }

        @Override
        public void check(Workbench b) {
            int k = 200;
            int n = 192;
            int m = 270;
            float[] x = b.normal(m * k, 1);
            System.arraycopy(x, 0, x, (m - 1) * k, k);
            View xs = View.dense(b.bf16(x), DType.BF16, m, k);
            View w = View.dense(b.bf16(b.normal(n * k, 0.05)), DType.BF16, n, k);
            var kernel = new PromptProduct(b.driver(), b.stream());
            int words = n / 4; // of a gated row
            View alone = View.dense(b.poisoned(n), DType.BF16, 1, n / 2);
            kernel.multiply(xs.rows(0, 1), w, alone, Epilogue.SILU_MUL);
            View many = View.dense(b.poisoned((long) m * n), DType.BF16, m, n / 2);
            kernel.multiply(xs, w, many, Epilogue.SILU_MUL);
            int[] want = b.readInts(alone.address(), words);
            for (int row : new int[] {0, m - 1}) {
                if (!Arrays.equals(want, b.readInts(many.rows(row, 1).address(), words))) {
                    throw new AssertionError("row alone and in place " + row + " of " + m + " differ");
                }
            }
        }
    }

    /** Deterministic mode takes this kernel for many rows, and the other one for few. */
    private record SameBits() implements KernelCase {
        @Override
        public String name() {
            return "product of prompts has the bits of product wgmma, where that adds in order";
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return isHopper(device);
        }

        @Override
        public void check(Workbench b) {
            int k = 200;
            int m = 9;
            int n = 128 * b.driver().properties().multiprocessors();
            View x = View.dense(b.bf16(b.normal(m * k, 1)), DType.BF16, m, k);
            View w = View.dense(b.bf16(b.normal(n * k, 0.05)), DType.BF16, n, k);
            for (Epilogue epilogue : new Epilogue[] {Epilogue.STORE, Epilogue.SILU_MUL}) {
                int cols = epilogue == Epilogue.STORE ? n : n / 2;
                View many = View.dense(b.poisoned(2L * m * cols), DType.BF16, m, cols);
                View few = View.dense(b.poisoned(2L * m * cols), DType.BF16, m, cols);
                new PromptProduct(b.driver(), b.stream()).multiply(x, w, many, epilogue);
                new WgmmaProduct(b.driver(), b.stream()).multiply(x, w, few, epilogue);
                if (!Arrays.equals(b.readShorts(many.address(), m * cols), b.readShorts(few.address(), m * cols))) {
                    throw new AssertionError("the two kernels differ: " + epilogue);
                }
            }
        }
    }
}
