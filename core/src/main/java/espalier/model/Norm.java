package espalier.model;

import espalier.tensor.Ops;
import espalier.tensor.Tensor;

/** An RMS normalisation: weight is [1, cols]. */
public record Norm(Tensor weight, float eps) {

    /** For products that read {@code x} normalised; its scratch memory is of the current frame. */
    Ops.Normed of(Pass p, Tensor x) {
        return new Ops.Normed(x, weight, eps, p.temp(x.rows(), x.cols()));
    }
}
