package espalier.model;

import espalier.tensor.Tensor;

/** An RMS normalisation: weight is [1, cols]. */
public record Norm(Tensor weight, float eps) {

    /** {@code x} normalised, in memory of the current frame. */
    Tensor of(Pass p, Tensor x) {
        Tensor out = p.temp(x.rows(), x.cols());
        p.ops().rmsNorm(x, weight, eps, out);
        return out;
    }
}
