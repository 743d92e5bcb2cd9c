package espalier.model;

import espalier.tensor.Tensor;

/** What a layer adds to the residual stream: {@code stream += f(x)}, {@code x} being what the stream is, normalised. */
public interface Branch {
    void addTo(Pass p, Tensor x, Tensor stream);
}
