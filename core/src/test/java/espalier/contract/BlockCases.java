package espalier.contract;

import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.util.List;

/** Products with, and tables of, weights in blocks: every format, with tails of rows, outputs and blocks. */
final class BlockCases {
    private static final double TOLERANCE = 5e-6;

    private BlockCases() {}

    static void addTo(List<OpCase> cases) {
        for (BlockFormat format : BlockFormat.values()) {
            int block = format == BlockFormat.INT8_ROW ? 36 : format.blockElements();
            for (int rows : new int[] {0, 1, 2, 5, 8, 33}) {
                cases.add(product(format, rows, 3 * block, 13));
            }
            cases.add(single(format, block));
            for (int out : new int[] {4, 16, 31}) {
                cases.add(product(format, 1, block, out));
            }
            cases.add(product(format, 1, 2304, 6));
            cases.add(product(format, 5, 2304, 6));
            cases.add(product(format, 3, 512 / block * block + block, 32));
            cases.add(stacked(format, 3 * block));
            cases.add(table(format, 3 * block));
        }
        cases.add(product(BlockFormat.INT8_ROW, 1, 1, 5));
        cases.add(product(BlockFormat.INT8_ROW, 3, 37, 5));
    }

    private static OpCase product(BlockFormat format, int rows, int in, int out) {
        return new OpCase("matmul " + format + " " + rows + "x" + in + " by " + out, TOLERANCE, s -> {
            Tensor to = s.out(rows, out, out + 3);
            Tensor x = s.inputs(rows, in, in + 1);
            s.device().ops().matmul(x, s.weights(s.blocks(format, out, in)), to);
            return s.read(to);
        });
    }

    /**
     * One output, and others of the same x beside it: tolerances are shares of the greatest in a row, and an output alone
     * whose terms cancel does not say how large they were.
     */
    private static OpCase single(BlockFormat format, int in) {
        return new OpCase("matmul " + format + " 1x" + in + " by 1, and by 15", TOLERANCE, s -> {
            Tensor to = s.out(1, 16);
            Tensor x = s.inputs(1, in, in + 1);
            s.device().ops().matmul(x, s.weights(s.blocks(format, 1, in)), to.cols(0, 1));
            s.device().ops().matmul(x, s.weights(s.blocks(format, 15, in)), to.cols(1, 15));
            return s.read(to);
        });
    }

    private static OpCase stacked(BlockFormat format, int in) {
        return new OpCase("matmul of stacked " + format, TOLERANCE, s -> {
            var w = new Matrix.Stacked(List.of(
                    s.blocks(format, 24, in), new Matrix.Dense(s.numbers(DType.BF16, 5, in)), s.blocks(format, 7, in)));
            Tensor to = s.out(4, 36);
            s.device().ops().matmul(s.inputs(4, in), s.weights(w), to);
            return s.read(to);
        });
    }

    private static OpCase table(BlockFormat format, int in) {
        return new OpCase("embed " + format, 0, s -> {
            Tensor out = s.out(5, in, in + 5);
            s.device().ops().embed(s.integers(100, 108, 99, 103, 109, 104), s.blocks(format, 9, in), 100, out);
            return s.read(out);
        });
    }
}
