package espalier.tensor.reference;

import static espalier.tensor.host.Cells.integer;
import static espalier.tensor.host.Cells.number;
import static espalier.tensor.host.Cells.setInteger;
import static espalier.tensor.host.Cells.setNumber;

import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.OpShapes;
import espalier.tensor.Ops;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.host.BlockRow;
import espalier.tensor.host.Cells;

/** Every op as its definition reads, summed in double and rounded once. */
final class ReferenceOps implements Ops {

    @Override
    public void resolveIds(Tensor ids, Tensor lastTokens) {
        OpShapes.resolveIds(ids, lastTokens);
        for (int i = 0; i < ids.cols(); i++) {
            int id = integer(ids, 0, i);
            if (id < 0) {
                setInteger(ids, 0, i, integer(lastTokens, 0, -1 - id));
            }
        }
    }

    @Override
    public void embed(Tensor ids, Matrix table, int firstId, Tensor out) {
        OpShapes.embed(ids, table, out);
        for (int i = 0; i < out.rows(); i++) {
            int row = integer(ids, 0, i) - firstId;
            boolean here = row >= 0 && row < table.out();
            float[] values = here ? row(table, row) : new float[out.cols()];
            for (int j = 0; j < out.cols(); j++) {
                setNumber(out, i, j, values[j]);
            }
        }
    }

    private static float[] row(Matrix m, int row) {
        return switch (m) {
            case Matrix.Dense(Tensor t) -> {
                var values = new float[t.cols()];
                for (int j = 0; j < values.length; j++) {
                    values[j] = number(t, row, j);
                }
                yield values;
            }
            case Matrix.Blocks b -> BlockRow.of(b, row).toFloats();
            case Matrix.Stacked _, Matrix.Prepared _ -> throw new IllegalArgumentException("a row of no stored matrix");
        };
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor out) {
        OpShapes.rmsNorm(x, weight, out);
        for (int i = 0; i < x.rows(); i++) {
            normalise(x.rows(i, 1), weight, eps, out.rows(i, 1));
        }
    }

    private static void normalise(Tensor x, Tensor weight, float eps, Tensor out) {
        double sum = 0;
        for (int j = 0; j < x.cols(); j++) {
            sum += (double) number(x, 0, j) * number(x, 0, j);
        }
        double scale = 1 / Math.sqrt(sum / x.cols() + eps);
        for (int j = 0; j < x.cols(); j++) {
            setNumber(out, 0, j, (float) (number(x, 0, j) * scale * number(weight, 0, j)));
        }
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        for (int i = 0; i < x.rows(); i++) {
            for (int j = 0; j < x.cols(); j++) {
                setNumber(x, i, j, number(x, i, j) + number(delta, i, j));
            }
        }
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        OpShapes.addBias(x, bias);
        for (int i = 0; i < x.rows(); i++) {
            for (int j = 0; j < x.cols(); j++) {
                setNumber(x, i, j, number(x, i, j) + number(bias, 0, j));
            }
        }
    }

    @Override
    public void matmul(Tensor x, Matrix w, Tensor out) {
        OpShapes.matmul(x, w, out);
        switch (w) {
            case Matrix.Dense _, Matrix.Blocks _ -> product(x, w, out);
            case Matrix.Prepared p ->
                throw new IllegalArgumentException("weights that another device prepared: " + p.getClass());
            case Matrix.Stacked(var parts) -> {
                int from = 0;
                for (Matrix part : parts) {
                    matmul(x, part, out.cols(from, part.out()));
                    from += part.out();
                }
            }
        }
    }

    private static void product(Tensor x, Matrix w, Tensor out) {
        for (int o = 0; o < w.out(); o++) {
            float[] row = row(w, o);
            for (int i = 0; i < x.rows(); i++) {
                double sum = 0;
                for (int j = 0; j < row.length; j++) {
                    sum += (double) number(x, i, j) * row[j];
                }
                setNumber(out, i, o, (float) sum);
            }
        }
    }

    @Override
    public void siluMul(Tensor gateUp, Tensor out) {
        OpShapes.siluMul(gateUp, out);
        int n = out.cols();
        for (int i = 0; i < out.rows(); i++) {
            for (int j = 0; j < n; j++) {
                double gate = number(gateUp, i, j);
                setNumber(out, i, j, (float) (gate / (1 + Math.exp(-gate)) * number(gateUp, i, n + j)));
            }
        }
    }

    @Override
    public void rope(Tensor x, int headDim, Tensor positions, Rope rope) {
        OpShapes.rope(x, headDim, positions, rope);
        int half = rope.rotaryDim() / 2;
        for (int i = 0; i < x.rows(); i++) {
            for (int h = 0; h < x.cols(); h += headDim) {
                for (int j = 0; j < half; j++) {
                    float angle = integer(positions, 0, i) * number(rope.frequencies(), 0, j);
                    double cos = Math.cos(angle) * rope.attentionFactor();
                    double sin = Math.sin(angle) * rope.attentionFactor();
                    float a = number(x, i, h + j);
                    float b = number(x, i, h + j + half);
                    setNumber(x, i, h + j, (float) (a * cos - b * sin));
                    setNumber(x, i, h + j + half, (float) (b * cos + a * sin));
                }
            }
        }
    }

    @Override
    public void headNorm(Tensor x, int headDim, Tensor weight, float eps) {
        OpShapes.headNorm(x, headDim, weight);
        for (int h = 0; h < x.cols(); h += headDim) {
            rmsNorm(x.cols(h, headDim), weight, eps, x.cols(h, headDim));
        }
    }

    @Override
    public void attention(Attend a) {
        OpShapes.attention(a);
        var kv = (ReferenceKvCache) a.kv();
        StepInputs in = a.in();
        for (int t = 0; t < in.tokens(); t++) {
            for (int h = 0; h < kv.shape().kvHeads(); h++) {
                int slot = integer(in.writeSlots(), 0, t);
                kv.set(a.layer(), slot, h, head(a.k(), t, h, a.headDim()), head(a.v(), t, h, a.headDim()));
            }
        }
        for (int s = 0; s < in.sequences(); s++) {
            int end = s + 1 < in.sequences() ? integer(in.firstRow(), 0, s + 1) : in.tokens();
            for (int t = integer(in.firstRow(), 0, s); t < end; t++) {
                for (int h = 0; h < a.q().cols() / a.headDim(); h++) {
                    attend(a, kv, integer(in.seats(), 0, s), t, h);
                }
            }
        }
    }

    private static float[] head(Tensor x, int row, int head, int headDim) {
        var numbers = new float[headDim];
        for (int d = 0; d < headDim; d++) {
            numbers[d] = number(x, row, head * headDim + d);
        }
        return numbers;
    }

    /** One head of one token. */
    private static void attend(Attend a, ReferenceKvCache kv, int seat, int token, int head) {
        int at = integer(a.in().positions(), 0, token);
        int first = a.window() == 0 ? 0 : Math.max(0, at - a.window() + 1);
        int kvHead = head / (a.q().cols() / a.k().cols());
        int headDim = a.headDim();
        var weights = new double[at + 1 - first];
        double max = Double.NEGATIVE_INFINITY;
        for (int p = first; p <= at; p++) {
            int slot = slot(a.in(), seat, p);
            double score = 0;
            for (int d = 0; d < headDim; d++) {
                score += (double) number(a.q(), token, head * headDim + d) * kv.key(a.layer(), slot, kvHead, d);
            }
            weights[p - first] = score * a.scale();
            max = Math.max(max, score * a.scale());
        }
        double sum = 0;
        for (int i = 0; i < weights.length; i++) {
            weights[i] = Math.exp(weights[i] - max);
            sum += weights[i];
        }
        for (int d = 0; d < headDim; d++) {
            double mean = 0;
            for (int p = first; p <= at; p++) {
                mean += weights[p - first] / sum * kv.value(a.layer(), slot(a.in(), seat, p), kvHead, d);
            }
            setNumber(a.out(), token, head * headDim + d, (float) mean);
        }
    }

    private static int slot(StepInputs in, int seat, int position) {
        return integer(in.pageTable(), seat, position / in.pageSize()) * in.pageSize() + position % in.pageSize();
    }

    @Override
    public void scatter(Tensor values, Tensor at, Tensor table) {
        OpShapes.scatter(values, at, table);
        Cells.scatter(values, at, table);
    }

    @Override
    public void gatherRows(Tensor x, Tensor indices, Tensor out) {
        OpShapes.gatherRows(x, indices, out);
        for (int i = 0; i < out.rows(); i++) {
            copy(x.rows(integer(indices, 0, i), 1), out.rows(i, 1));
        }
    }

    @Override
    public void copy(Tensor from, Tensor to) {
        OpShapes.copy(from, to);
        for (int i = 0; i < from.rows(); i++) {
            for (int j = 0; j < from.cols(); j++) {
                if (from.dtype() == DType.I32) {
                    setInteger(to, i, j, integer(from, i, j));
                } else {
                    setNumber(to, i, j, number(from, i, j));
                }
            }
        }
    }
}
