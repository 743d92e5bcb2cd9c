package espalier.model;

import espalier.tensor.Tensor;

/** What a layer adds to the residual stream: {@code out = f(x)}, both [tokens, hidden]. */
public interface Branch {
    void apply(Pass p, Tensor x, Tensor out);
}
