package espalier.cuda.cases;

import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionCall.PagedLayer;
import espalier.cuda.kernel.AttentionCall.Rows;
import espalier.cuda.kernel.AttentionShape;
import espalier.tensor.DType;

/** Random queries, keys and values of an {@link AttentionBatch}, on the host and on the device, and their attention. */
final class AttentionData {
    final AttentionBatch batch;
    final AttentionShape shape;
    /** [tokens][heads + 2 kvHeads][headDim]. */
    final float[] qkv;

    /** [slots][kvHeads][headDim]. */
    final float[] keys;

    final float[] values;

    AttentionData(AttentionBatch batch, Workbench bench) {
        this(batch, bench, 1.5);
    }

    /** @param deviation of the queries' numbers, and in natural logarithms that of the scores */
    AttentionData(AttentionBatch batch, Workbench bench, double deviation) {
        this.batch = batch;
        shape = batch.shape;
        keys = bench.normal(batch.slots * kvCols(), 1);
        values = bench.normal(batch.slots * kvCols(), 1);
        qkv = bench.normal(batch.tokens * cols(), deviation);
        for (int s = 0; s < batch.rows.length; s++) {
            for (int r = 0; r < batch.rows[s] && batch.lengths[s] > 0; r++) {
                int from = batch.slot(s, batch.position(s, r)) * kvCols();
                int to = (batch.firstRow[s] + r) * cols() + qCols();
                System.arraycopy(keys, from, qkv, to, kvCols());
                System.arraycopy(values, from, qkv, to + kvCols(), kvCols());
            }
        }
    }

    int qCols() {
        return shape.heads() * shape.headDim();
    }

    int kvCols() {
        return shape.kvHeads() * shape.headDim();
    }

    int cols() {
        return qCols() + 2 * kvCols();
    }

    /** Its arguments on the device, with a poisoned output. */
    AttentionCall upload(Workbench bench, int window) {
        long rows = bench.halves(shape.dtype(), qkv);
        var cache = new PagedLayer(bench.halves(shape.dtype(), keys), bench.halves(shape.dtype(), values), batch.slots);
        return new AttentionCall(
                new Rows(rows, cols()),
                new Rows(rows + 2L * qCols(), cols()),
                new Rows(rows + 2L * (qCols() + kvCols()), cols()),
                bench.poisoned(2L * batch.tokens * qCols()),
                cache,
                (float) (1 / Math.sqrt(shape.headDim())),
                window);
    }

    float[] download(Workbench bench, AttentionCall call) {
        int count = batch.tokens * qCols();
        return shape.dtype() == DType.F16 ? bench.readF16(call.out(), count) : bench.readBf16(call.out(), count);
    }

    /** In double, straight from the definition. */
    float[] expected(int window) {
        var out = new float[batch.tokens * qCols()];
        for (int s = 0; s < batch.rows.length; s++) {
            for (int r = 0; r < batch.rows[s] && batch.lengths[s] > 0; r++) {
                for (int h = 0; h < shape.heads(); h++) {
                    attend(out, s, r, h, window == 0 ? Integer.MAX_VALUE : window);
                }
            }
        }
        return out;
    }

    private void attend(float[] out, int s, int r, int h, int window) {
        int d = shape.headDim();
        int row = batch.firstRow[s] + r;
        int last = batch.position(s, r);
        int first = Math.max(0, last - window + 1);
        int head = h / shape.group() * d;
        var scores = new double[last + 1 - first];
        double top = Double.NEGATIVE_INFINITY;
        for (int t = first; t <= last; t++) {
            int at = batch.slot(s, t) * kvCols() + head;
            double sum = 0;
            for (int c = 0; c < d; c++) {
                sum += (double) qkv[row * cols() + h * d + c] * keys[at + c];
            }
            sum /= Math.sqrt(d);
            scores[t - first] = shape.softcap() > 0 ? shape.softcap() * Math.tanh(sum / shape.softcap()) : sum;
            top = Math.max(top, scores[t - first]);
        }
        var sums = new double[d];
        double total = 0;
        for (int t = first; t <= last; t++) {
            double p = Math.exp(scores[t - first] - top);
            int at = batch.slot(s, t) * kvCols() + head;
            total += p;
            for (int c = 0; c < d; c++) {
                sums[c] += p * values[at + c];
            }
        }
        for (int c = 0; c < d; c++) {
            out[row * qCols() + h * d + c] = (float) (sums[c] / total);
        }
    }
}
