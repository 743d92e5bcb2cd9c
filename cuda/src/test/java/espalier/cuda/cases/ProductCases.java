package espalier.cuda.cases;

import espalier.cuda.cases.ProductOperands.Call;
import espalier.cuda.cases.ProductOperands.Dims;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.ProductLibrary;
import espalier.cuda.kernel.Elementwise;
import espalier.cuda.kernel.Epilogue;
import espalier.cuda.kernel.MmaProduct;
import espalier.cuda.kernel.View;
import espalier.cuda.kernel.WgmmaProduct;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/** Products {@code y = x w^T} against sums in double: those of decode batches on sm_90a, and those for every architecture. */
final class ProductCases {
    private static final int[][] SHAPES = {
        {1, 256, 64},
        {5, 128, 128},
        {3, 512, 200},
        {17, 272, 1024},
        {33, 1040, 256},
        {64, 512, 320},
        {90, 272, 200},
        {100, 256, 520},
        {129, 528, 512},
        {150, 128, 264},
        {200, 544, 136},
        {256, 128, 264},
        {256, 272, 200},
        {300, 256, 136}
    };

    private ProductCases() {}

    static List<KernelCase> all() {
        var all = new ArrayList<KernelCase>();
        for (int[] s : SHAPES) {
            all.add(new Checked(s[0], s[1], s[2], DType.BF16));
        }
        all.add(new Checked(20, 160, 264, DType.F16));
        all.add(new Invariant(192, 392));
        all.add(new Invariant(544, 136));
        all.add(new Anywhere(1, 40, 64, DType.BF16, DType.BF16));
        all.add(new Anywhere(7, 37, 129, DType.BF16, DType.BF16));
        all.add(new Anywhere(13, 96, 392, DType.F16, DType.F16));
        all.add(new Anywhere(29, 65, 640, DType.F16, DType.F16));
        all.add(new Anywhere(70, 33, 200, DType.BF16, DType.BF16));
        all.add(new Anywhere(5, 70, 75, DType.F32, DType.F32));
        all.add(new Anywhere(66, 130, 40, DType.F32, DType.BF16));
        all.add(new AnywhereInvariant());
        all.add(new LayersTimed());
        all.add(new HeadTimed());
        return all;
    }

    private record Checked(int m, int n, int k, DType type) implements KernelCase {
        @Override
        public String name() {
            return "product wgmma " + m + "x" + n + "x" + k + " " + type;
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return ProductOperands.isHopper(device);
        }

        @Override
        public void check(Workbench b) {
            ProductOperands operands = ProductOperands.of(b, Dims.dense(m, n, k), type, type);
            var kernel = new WgmmaProduct(b.driver(), b.stream());
            operands.check(new Call(kernel::multiply, type, Epilogue.STORE), 5e-3);
            operands.check(new Call(kernel::multiply, DType.F32, Epilogue.STORE), 1e-5);
            operands.check(new Call(kernel::multiply, type, Epilogue.ADD), 5e-3);
            if (n % 32 == 0) {
                operands.check(new Call(kernel::multiply, type, Epilogue.SILU_MUL), 5e-3);
            }
        }
    }

    /** Any architecture, odd shapes, rows with a gap, any type. */
    private record Anywhere(int m, int n, int k, DType type, DType weightType) implements KernelCase {
        @Override
        public String name() {
            return "product mma " + m + "x" + n + "x" + k + " " + type + " by " + weightType;
        }

        @Override
        public void check(Workbench b) {
            var dims = new Dims(m, 2 * n, k, k % 8 == 0 ? 8 : 1);
            ProductOperands operands = ProductOperands.of(b, dims, type, weightType);
            var kernel = new MmaProduct(b.driver(), b.stream());
            double tolerance = type == DType.F32 ? 1e-5 : 5e-3;
            operands.check(new Call(kernel::multiply, type, Epilogue.STORE), tolerance);
            operands.check(new Call(kernel::multiply, DType.F32, Epilogue.STORE), 1e-5);
            operands.check(new Call(kernel::multiply, type, Epilogue.ADD), tolerance);
            operands.check(new Call(kernel::multiply, type, Epilogue.SILU_MUL), tolerance);
        }
    }

    private record AnywhereInvariant() implements KernelCase {
        @Override
        public String name() {
            return "product mma gives a row the same bits in every batch";
        }

        @Override
        public void check(Workbench b) {
            var kernel = new MmaProduct(b.driver(), b.stream());
            var call = new Call(kernel::multiply, DType.F32, Epilogue.STORE);
            ProductOperands.requireAlike(b, Dims.dense(70, 48, 328), DType.F16, call, 1, 9, 30, 64, 70);
        }
    }

    /** A row has the same bits in every batch. */
    private record Invariant(int n, int k) implements KernelCase {
        @Override
        public String name() {
            return "product wgmma gives a row the same bits in every batch, " + n + "x" + k;
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return ProductOperands.isHopper(device);
        }

        @Override
        public void check(Workbench b) {
            var kernel = new WgmmaProduct(b.driver(), b.stream());
            var call = new Call(kernel::multiply, DType.F32, Epilogue.STORE);
            ProductOperands.requireAlike(b, Dims.dense(200, n, k), DType.BF16, call, 1, 9, 30, 64, 90, 140, 200);
        }
    }

    private record Weights(String name, int n, int k) {
        double bytes() {
            return 2.0 * n * k;
        }
    }

    /** What the vendor's library does with the same operands. */
    private static void vendor(Workbench b, View x, View w, View y) {
        var shape = new ProductLibrary.Shape(
                x.rows(),
                w.rows(),
                w.cols(),
                ProductLibrary.Element.BF16,
                y.type() == DType.F32 ? ProductLibrary.Element.F32 : ProductLibrary.Element.BF16,
                ProductLibrary.Sum.REPLACE);
        ProductLibrary products = b.driver().products();
        var operands =
                new ProductLibrary.Operands(x.address(), x.stride(), w.address(), w.stride(), y.address(), y.stride());
        products.multiply(b.stream(), products.plan(shape, ProductLibrary.Algorithm.MEASURED, operands), operands);
    }

    private static View uniform(Workbench b, int rows, int cols, int seed) {
        View v = View.dense(b.zeros(2L * rows * cols), DType.BF16, rows, cols);
        new Elementwise(b.driver(), b.stream()).fillUniform(v, seed, (float) Math.sqrt(3.0 / cols));
        return v;
    }

    /** The four products of a layer of Llama-3.1-8B, alone and as a chain of 32 layers, ours and the vendor's in turn. */
    private record LayersTimed() implements KernelCase {
        private static final int LAYERS = 32;
        private static final List<Weights> ALL = List.of(
                new Weights("qkv", 6144, 4096),
                new Weights("o", 4096, 4096),
                new Weights("gate_up", 28_672, 4096),
                new Weights("down", 4096, 14_336));

        @Override
        public String name() {
            return "product wgmma times of Llama-3.1-8B's layers";
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return ProductOperands.isHopper(device);
        }

        @Override
        public void check(Workbench bench) {
            // the other cases check
        }

        @Override
        public void time(Workbench b) {
            var kernel = new WgmmaProduct(b.driver(), b.stream());
            var weights = new View[ALL.size()][LAYERS];
            for (int i = 0; i < ALL.size(); i++) {
                for (int layer = 0; layer < LAYERS; layer++) {
                    weights[i][layer] = uniform(b, ALL.get(i).n, ALL.get(i).k, 32 * i + layer);
                }
            }
            View inputs = uniform(b, 256, 28_672, 1000);
            View outputs = View.dense(b.zeros(256L * 28_672 * 2), DType.BF16, 256, 28_672);
            for (int m : new int[] {1, 8, 16, 64, 128, 256}) {
                for (int i = 0; i < ALL.size(); i++) {
                    alone(b, kernel, ALL.get(i), weights[i], inputs, outputs, m);
                }
                chains(b, kernel, weights, m);
            }
        }

        private static void alone(
                Workbench b, WgmmaProduct kernel, Weights what, View[] layers, View inputs, View outputs, int m) {
            View x = View.dense(inputs.address(), DType.BF16, m, what.k);
            View y = View.dense(outputs.address(), DType.BF16, m, what.n);
            String name = what.name + " M=" + m;
            double flops = 2.0 * m * what.n * what.k;
            vendor(b, x, layers[0], y);
            float[] want = b.readBf16(y.address(), m * what.n);
            kernel.multiply(x, layers[0], y, Epilogue.STORE);
            b.compare(name + " against cuBLASLt", b.readBf16(y.address(), m * what.n), want, what.n, 1e-2);
            b.timed(
                    name,
                    LAYERS,
                    () -> each(layers, w -> kernel.multiply(x, w, y, Epilogue.STORE)),
                    what.bytes(),
                    flops);
            b.timed(name + " cuBLASLt", LAYERS, () -> each(layers, w -> vendor(b, x, w, y)), what.bytes(), flops);
        }

        private static void each(View[] weights, java.util.function.Consumer<View> run) {
            for (View w : weights) {
                run.accept(w);
            }
        }

        /** Each product reads what the one before wrote, with the epilogues of a real layer; the residual stays small. */
        private static void chains(Workbench b, WgmmaProduct kernel, View[][] w, int m) {
            View h = uniform(b, m, 4096, 2000);
            View q = View.dense(b.zeros(m * 6144L * 2), DType.BF16, m, 6144);
            View o = uniform(b, m, 4096, 2001);
            View both = View.dense(b.zeros(m * 28_672L * 2), DType.BF16, m, 28_672);
            View act = View.dense(b.zeros(m * 14_336L * 2), DType.BF16, m, 14_336);
            double bytes = ALL.stream().mapToDouble(Weights::bytes).sum() * LAYERS;
            double flops = bytes * m;
            b.timed(
                    "chain of 32 layers M=" + m,
                    1,
                    () -> {
                        for (int l = 0; l < LAYERS; l++) {
                            kernel.multiply(h, w[0][l], q, Epilogue.STORE);
                            kernel.multiply(q.cols(0, 4096), w[1][l], o, Epilogue.ADD);
                            kernel.multiply(o, w[2][l], act, Epilogue.SILU_MUL);
                            kernel.multiply(act, w[3][l], h, Epilogue.STORE);
                        }
                    },
                    bytes,
                    flops);
            b.timed(
                    "chain of 32 layers M=" + m + " cuBLASLt, products alone",
                    1,
                    () -> {
                        for (int l = 0; l < LAYERS; l++) {
                            vendor(b, h, w[0][l], q);
                            vendor(b, q.cols(0, 4096), w[1][l], o);
                            vendor(b, o, w[2][l], both);
                            vendor(b, act, w[3][l], h);
                        }
                    },
                    bytes,
                    flops);
        }
    }

    /** The head of Llama-3.1-8B, logits in float. */
    private record HeadTimed() implements KernelCase {
        private static final int RUNS = 3;

        @Override
        public String name() {
            return "product wgmma times of Llama-3.1-8B's head";
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return ProductOperands.isHopper(device);
        }

        @Override
        public void check(Workbench bench) {
            // the other cases check
        }

        @Override
        public void time(Workbench b) {
            var kernel = new WgmmaProduct(b.driver(), b.stream());
            var head = new Weights("head", 128_256, 4096);
            var weights = new View[RUNS];
            for (int i = 0; i < RUNS; i++) {
                weights[i] = uniform(b, head.n, head.k, 3000 + i);
            }
            View inputs = uniform(b, 256, head.k, 3100);
            View logits = View.dense(b.zeros(256L * head.n * 4), DType.F32, 256, head.n);
            for (int m : new int[] {1, 8, 16, 64, 128, 256}) {
                View x = inputs.rows(0, m);
                View y = logits.rows(0, m);
                double flops = 2.0 * m * head.n * head.k;
                b.timed(
                        "head M=" + m,
                        RUNS,
                        () -> {
                            for (View w : weights) {
                                kernel.multiply(x, w, y, Epilogue.STORE);
                            }
                        },
                        head.bytes(),
                        flops);
                b.timed(
                        "head M=" + m + " cuBLASLt",
                        RUNS,
                        () -> {
                            for (View w : weights) {
                                vendor(b, x, w, y);
                            }
                        },
                        head.bytes(),
                        flops);
            }
        }
    }
}
