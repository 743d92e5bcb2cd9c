package espalier.model;

import espalier.tensor.Tensor;

/** An RMS normalisation: weight is [1, cols]. */
public record Norm(Tensor weight, float eps) {}
