package espalier.model;

import espalier.tensor.Tensor;

/** {@code down(silu(gate(x)) * up(x))} (SwiGLU; Shazeer, 2020). */
public record GatedMlp(Linear gateUp, Linear down) implements Branch {

    @Override
    public void apply(Pass p, Tensor x, Tensor out) {
        Tensor inner = p.temp(x.rows(), gateUp.outCols() / 2);
        gateUp.applyGated(p, x, inner);
        down.apply(p, inner, out);
    }
}
