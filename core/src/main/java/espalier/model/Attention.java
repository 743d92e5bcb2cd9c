package espalier.model;

import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Rotary grouped-query attention over the paged cache. Widths are this rank's own.
 *
 * @param qkv yields [queries | keys | values], {@code qCols + 2 * kvCols} wide
 * @param qNorm per-head norms of queries and keys, where the family has them
 * @param window how many positions a token sees, itself included; 0 sees all
 */
public record Attention(
        int layer,
        int headDim,
        int qCols,
        int kvCols,
        Linear qkv,
        Linear out,
        @Nullable Norm qNorm,
        @Nullable Norm kNorm,
        Ops.Rope rope,
        int window)
        implements Branch {

    @Override
    public void addTo(Pass p, Tensor x, Tensor stream) {
        Tensor all = qkv.apply(p, x);
        Tensor q = all.cols(0, qCols);
        Tensor k = all.cols(qCols, kvCols);
        Tensor v = all.cols(qCols + kvCols, kvCols);
        norm(p, q, qNorm);
        norm(p, k, kNorm);
        Tensor seen = p.temp(all.rows(), qCols);
        float scale = (float) (1 / Math.sqrt(headDim));
        p.ops().rotaryAttention(new Ops.Attend(layer, q, k, v, seen, headDim, scale, window, p.in(), p.kv()), rope);
        out.addTo(p, seen, stream);
    }

    private void norm(Pass p, Tensor heads, @Nullable Norm norm) {
        if (norm != null) {
            p.ops().headNorm(heads, headDim, norm.weight(), norm.eps());
        }
    }
}
