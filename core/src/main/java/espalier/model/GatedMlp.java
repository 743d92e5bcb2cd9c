package espalier.model;

import espalier.tensor.Tensor;

/** {@code down(silu(gate(x)) * up(x))} (SwiGLU; Shazeer, 2020). */
public record GatedMlp(Linear gateUp, Linear down) implements Branch {

    @Override
    public void addTo(Pass p, Tensor x, Tensor stream) {
        Tensor inner = p.temp(stream.rows(), gateUp.outCols() / 2);
        gateUp.applyGated(p, x, inner);
        down.addTo(p, inner, stream);
    }
}
