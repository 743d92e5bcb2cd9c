package espalier.model;

import espalier.tensor.Tensor;

/** {@code x W^T (+ b)}. Number format, fusion and ranks are settled when it is loaded; callers cannot tell. */
public interface Linear {

    /** Columns of {@code out} on this rank. */
    int outCols();

    /** {@code out = x W^T (+ b)}. */
    void apply(Pass p, Tensor x, Tensor out);

    /** The same, into memory of the current frame. */
    default Tensor apply(Pass p, Tensor x) {
        Tensor out = p.temp(x.rows(), outCols());
        apply(p, x, out);
        return out;
    }

    /** {@code out = silu(first half) * second half} of what {@link #apply} yields. */
    void applyGated(Pass p, Tensor x, Tensor out);

    /** {@code sum += x W^T (+ b)}. */
    void addTo(Pass p, Tensor x, Tensor sum);
}
