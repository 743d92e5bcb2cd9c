package espalier.cuda.cases;

import espalier.cuda.cases.ProductOperands.Call;
import espalier.cuda.cases.ProductOperands.Dims;
import espalier.cuda.cases.ProductOperands.Multiply;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.Epilogue;
import espalier.cuda.kernel.PromptProduct;
import espalier.cuda.kernel.PromptProduct.Tile;
import espalier.cuda.kernel.View;
import espalier.cuda.kernel.WgmmaProduct;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Products of prompts on sm_90a against sums in double: odd tiles, a lone block of a cluster, several tiles a block, rows with a gap. */
final class PromptProductCases {
    private PromptProductCases() {}

    static List<KernelCase> all() {
        var all = new ArrayList<KernelCase>();
        all.add(new Checked(128, 256, 64, 0, DType.BF16, new Tile(1, 96)));
        all.add(new Checked(300, 272, 328, 8, DType.BF16, new Tile(1, 96)));
        all.add(new Checked(1, 528, 136, 0, DType.F16, new Tile(1, 80)));
        all.add(new Checked(140, 1040, 200, 24, DType.BF16, new Tile(1, 88)));
        all.add(new Checked(1030, 784, 72, 0, DType.BF16, new Tile(2, 96))); // several tiles a block
        all.add(new Checked(290, 784, 136, 0, DType.BF16, new Tile(1, 48)));
        all.add(new Invariant());
        all.add(new SameBits());
        return all;
    }

    /** @param gap numbers between a row of x or y and the next */
    private record Checked(int m, int n, int k, int gap, DType type, Tile tile) implements KernelCase {
        @Override
        public String name() {
            return "product of prompts " + m + "x" + n + "x" + k + " " + type;
        }

        @Override
        public boolean runsOn(DeviceProperties device) {
            return ProductOperands.isHopper(device);
        }

        @Override
        public void check(Workbench b) {
            ProductOperands operands = ProductOperands.of(b, new Dims(m, n, k, gap), type, type);
            var kernel = new PromptProduct(b.driver(), b.stream());
            Multiply tiled = (x, w, y, epilogue) -> kernel.multiply(x, w, y, epilogue, tile);
            operands.check(new Call(tiled, type, Epilogue.STORE), 5e-3);
            operands.check(new Call(tiled, type, Epilogue.SILU_MUL), 5e-3);
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
            return ProductOperands.isHopper(device);
        }

        @Override
        public void check(Workbench b) {
            var kernel = new PromptProduct(b.driver(), b.stream());
            var call = new Call(kernel::multiply, DType.BF16, Epilogue.SILU_MUL);
            ProductOperands.requireAlike(b, Dims.dense(270, 192, 200), DType.BF16, call, 1, 270);
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
            return ProductOperands.isHopper(device);
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
