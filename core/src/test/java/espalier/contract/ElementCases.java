package espalier.contract;

import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import java.util.List;

/** Everything but products and attention. */
final class ElementCases {
    private static final List<DType> NUMBERS = List.of(DType.F32, DType.BF16, DType.F16);
    private static final double EXACT = 0;
    private static final double SUMS = 2e-6;

    private ElementCases() {}

    static void addTo(List<OpCase> cases) {
        ids(cases);
        norms(cases);
        sums(cases);
        activations(cases);
        rotations(cases);
        copies(cases);
    }

    private static void ids(List<OpCase> cases) {
        cases.add(new OpCase("resolveIds", EXACT, s -> {
            Tensor ids = s.integers(5, -1, 7, -4, 0);
            s.device().ops().resolveIds(ids, s.integers(11, 12, 13, 14));
            return s.read(ids);
        }));
        for (DType dtype : NUMBERS) {
            for (int cols : new int[] {1, 17, 576}) {
                cases.add(new OpCase("embed " + dtype + " of " + cols, EXACT, s -> {
                    Tensor out = s.out(6, cols, cols + 5);
                    // 99 and 109 belong to other ranks; the array of ids is longer than the step
                    Tensor ids = s.integers(100, 108, 99, 103, 109, 104, 7, 7);
                    var table = new Matrix.Dense(s.numbers(dtype, 9, cols, cols + 1));
                    s.device().ops().embed(ids, table, 100, out);
                    return s.read(out);
                }));
            }
        }
    }

    private static void norms(List<OpCase> cases) {
        for (DType dtype : NUMBERS) {
            for (int[] shape : new int[][] {{0, 8}, {1, 1}, {3, 7}, {2, 64}, {5, 100}, {2, 576}, {1, 2048}, {33, 48}}) {
                int rows = shape[0];
                int cols = shape[1];
                String of = dtype + " " + rows + "x" + cols;
                cases.add(new OpCase("rmsNorm " + of, SUMS, s -> {
                    Tensor out = s.out(rows, cols, cols + 3);
                    Tensor x = s.inputs(rows, cols, cols + 7);
                    s.device().ops().rmsNorm(x, s.numbers(dtype, 1, cols), 1e-5f, out);
                    return s.read(out);
                }));
                cases.add(new OpCase("rmsNorm in place " + of, SUMS, s -> {
                    Tensor x = s.inputs(rows, cols, cols + 7);
                    s.device().ops().rmsNorm(x, s.numbers(dtype, 1, cols), 1e-6f, x);
                    return s.read(x);
                }));
            }
            for (int headDim : new int[] {8, 64, 80, 96, 128, 5}) {
                cases.add(new OpCase("headNorm " + dtype + " heads of " + headDim, SUMS, s -> {
                    Tensor x = s.inputs(4, 3 * headDim, 3 * headDim + 9);
                    s.device().ops().headNorm(x, headDim, s.numbers(dtype, 1, headDim), 1e-6f);
                    return s.read(x);
                }));
            }
        }
    }

    private static void sums(List<OpCase> cases) {
        for (int[] shape : new int[][] {{0, 4}, {1, 1}, {3, 31}, {2, 640}}) {
            int rows = shape[0];
            int cols = shape[1];
            cases.add(new OpCase("add " + rows + "x" + cols, EXACT, s -> {
                Tensor x = s.inputs(rows, cols, cols + 2);
                s.device().ops().add(x, s.inputs(rows, cols, cols + 5));
                return s.read(x);
            }));
            for (DType dtype : NUMBERS) {
                cases.add(new OpCase("addBias " + dtype + " " + rows + "x" + cols, EXACT, s -> {
                    Tensor x = s.inputs(rows, cols, cols + 2);
                    s.device().ops().addBias(x, s.numbers(dtype, 1, cols));
                    return s.read(x);
                }));
            }
        }
    }

    private static void activations(List<OpCase> cases) {
        for (int[] shape : new int[][] {{0, 4}, {1, 1}, {3, 31}, {2, 1536}}) {
            int rows = shape[0];
            int cols = shape[1];
            for (float reach : new float[] {1, 30, 200}) {
                cases.add(new OpCase("siluMul " + rows + "x" + cols + " up to " + reach, SUMS, s -> {
                    var values = new float[rows][2 * cols];
                    for (float[] row : values) {
                        for (int j = 0; j < row.length; j++) {
                            row[j] = reach * (2 * s.random().nextFloat() - 1);
                        }
                    }
                    Tensor out = s.out(rows, cols, cols + 3);
                    s.device().ops().siluMul(s.inputs(values, 2 * cols, 2 * cols + 1), out);
                    return s.read(out);
                }));
            }
        }
    }

    private static void rotations(List<OpCase> cases) {
        for (int[] shape : new int[][] {{64, 64}, {80, 80}, {96, 24}, {128, 128}, {10, 6}, {256, 64}}) {
            int headDim = shape[0];
            int rotaryDim = shape[1];
            for (float factor : new float[] {1, 1.25f}) {
                cases.add(new OpCase("rope " + rotaryDim + " of " + headDim + " factor " + factor, SUMS, s -> {
                    var frequencies = new float[1][rotaryDim / 2];
                    for (int j = 0; j < rotaryDim / 2; j++) {
                        frequencies[0][j] = (float) Math.pow(10_000, -2.0 * j / rotaryDim);
                    }
                    Tensor f = s.numbers(DType.F32, frequencies, rotaryDim / 2, rotaryDim / 2);
                    Tensor x = s.inputs(5, 3 * headDim, 3 * headDim + 4);
                    Tensor positions = s.integers(0, 1, 77, 4095, 131_071, 5);
                    s.device().ops().rope(x, headDim, positions, new Ops.Rope(f, rotaryDim, factor));
                    return s.read(x);
                }));
            }
        }
    }

    private static void copies(List<OpCase> cases) {
        cases.add(new OpCase("gatherRows", EXACT, s -> {
            Tensor out = s.out(4, 19, 20);
            s.device().ops().gatherRows(s.inputs(6, 19, 23), s.integers(5, 0, 0, 3, 9), out);
            return s.read(out);
        }));
        for (DType from : NUMBERS) {
            for (DType to : NUMBERS) {
                cases.add(new OpCase("copy " + from + " to " + to, EXACT, s -> {
                    Tensor out = s.numbers(to, 3, 21, 25);
                    s.device().ops().copy(s.numbers(from, 3, 21, 22), out);
                    return s.read(out);
                }));
            }
        }
        cases.add(new OpCase("copy of integers", EXACT, s -> {
            Tensor out = s.integers(0, 0, 0);
            s.device().ops().copy(s.integers(3, -1, 65_537), out);
            return s.read(out);
        }));
    }
}
