package espalier.model;

import espalier.tensor.Tensor;

/** {@code down(silu(gate(x)) * up(x))} (SwiGLU; Shazeer, 2020). */
public record GatedMlp(Linear gateUp, Linear down) implements Branch {

    @Override
    public void apply(Pass p, Tensor x, Tensor out) {
        Tensor both = gateUp.apply(p, x);
        Tensor inner = p.temp(x.rows(), both.cols() / 2);
        p.ops().siluMul(both, inner);
        down.apply(p, inner, out);
    }
}
