package espalier.contract;

import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.util.List;
import java.util.function.Function;

/** Products with what comes after them. What lies between has gaps of its own and is nobody's to compare. */
final class FusedCases {
    private static final double TOLERANCE = 1e-5;

    private FusedCases() {}

    static void addTo(List<OpCase> cases) {
        for (int rows : new int[] {0, 1, 2, 4, 5, 33}) {
            for (int[] shape : new int[][] {{64, 24}, {100, 38}, {192, 64}}) {
                int in = shape[0];
                int out = shape[1];
                for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
                    add(cases, new Of(rows, in, out, dtype.toString(), s -> dense(s, dtype, in, out)));
                }
                add(cases, new Of(rows, in, out, "stacked", s -> stacked(s, in, out)));
            }
            add(cases, new Of(rows, 192, 32, "INT8_GROUP64", s -> s.blocks(BlockFormat.INT8_GROUP64, 32, 192)));
            add(cases, new Of(rows, 192, 32, "Q4_0", s -> s.blocks(BlockFormat.Q4_0, 32, 192)));
        }
    }

    private record Of(int rows, int in, int out, String format, Function<Scene, Matrix> weights) {
        String name(String op) {
            return op + " " + format + " " + rows + "x" + in + " by " + out;
        }

        Matrix weights(Scene s) {
            return s.weights(weights.apply(s));
        }

        Tensor x(Scene s) {
            return s.inputs(rows, in, in + 1);
        }
    }

    private static Matrix dense(Scene s, DType dtype, int in, int out) {
        return new Matrix.Dense(s.numbers(dtype, out, in));
    }

    private static Matrix stacked(Scene s, int in, int out) {
        return new Matrix.Stacked(List.of(dense(s, DType.BF16, in, out - 9), dense(s, DType.F32, in, 9)));
    }

    private static void add(List<OpCase> cases, Of of) {
        cases.add(new OpCase(of.name("addMatmul"), TOLERANCE, s -> {
            Tensor sum = s.inputs(of.rows, of.out, of.out + 3);
            s.device().ops().addMatmul(of.x(s), of.weights(s), s.out(of.rows, of.out), sum);
            return s.read(sum);
        }));
        cases.add(new OpCase(of.name("gatedMatmul"), TOLERANCE, s -> {
            Tensor out = s.out(of.rows, of.out / 2, of.out);
            s.device().ops().gatedMatmul(of.x(s), of.weights(s), s.out(of.rows, of.out), out);
            return s.read(out);
        }));
    }
}
