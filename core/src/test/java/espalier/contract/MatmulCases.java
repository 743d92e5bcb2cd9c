package espalier.contract;

import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.util.List;

/** Products: every tile and tail of rows, of outputs and of the sum. */
final class MatmulCases {
    private static final double TOLERANCE = 5e-6;

    private MatmulCases() {}

    static void addTo(List<OpCase> cases) {
        for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            for (int rows : new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 33}) {
                cases.add(dense(dtype, rows, 64, 24));
                cases.add(dense(dtype, rows, 100, 37));
            }
            for (int in : new int[] {1, 2, 15, 16, 17, 31, 32, 33, 63, 65, 127, 128, 129, 200, 576, 1000}) {
                cases.add(dense(dtype, 1, in, 9));
                cases.add(dense(dtype, 5, in, 7));
            }
            for (int out : new int[] {1, 2, 3, 4, 5, 8, 11, 16, 31, 64, 129}) {
                cases.add(dense(dtype, 1, 48, out));
                cases.add(dense(dtype, 6, 48, out));
            }
            cases.add(new OpCase("matmul of stacked " + dtype, TOLERANCE, s -> {
                var w = new Matrix.Stacked(List.of(
                        new Matrix.Dense(s.numbers(dtype, 24, 72, 80)),
                        new Matrix.Dense(s.numbers(DType.F32, 5, 72)),
                        new Matrix.Stacked(List.of(new Matrix.Dense(s.numbers(dtype, 8, 72))))));
                Tensor out = s.out(3, 37, 40);
                s.device().ops().matmul(s.inputs(3, 72, 75), w, out);
                return s.read(out);
            }));
        }
    }

    private static OpCase dense(DType dtype, int rows, int in, int out) {
        String name = "matmul " + dtype + " " + rows + "x" + in + " by " + out;
        return new OpCase(name, TOLERANCE, s -> {
            Tensor to = s.out(rows, out, out + 3);
            Tensor x = s.inputs(rows, in, in + 1);
            s.device().ops().matmul(x, new Matrix.Dense(s.numbers(dtype, out, in, in + 2)), to);
            return s.read(to);
        });
    }
}
