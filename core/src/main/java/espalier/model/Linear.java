package espalier.model;

import espalier.tensor.Tensor;

/** {@code out = x W^T (+ b)}. Number format, fusion and ranks are settled when it is loaded; callers cannot tell. */
public interface Linear extends Branch {

    /** Columns of {@code out} on this rank. */
    int outCols();

    /** {@code out = silu(first half) * second half} of what {@link #apply} yields. */
    default void applyGated(Pass p, Tensor x, Tensor out) {
        p.ops().siluMul(apply(p, x), out);
    }

    /** As {@link #apply(Pass, Tensor, Tensor)}, into memory of the current frame. */
    default Tensor apply(Pass p, Tensor x) {
        Tensor out = p.temp(x.rows(), outCols());
        apply(p, x, out);
        return out;
    }
}
