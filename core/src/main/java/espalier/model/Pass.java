package espalier.model;

import espalier.tensor.Collective;
import espalier.tensor.KvCache;
import espalier.tensor.Ops;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;

/** Everything that one forward pass may use. Passed along explicitly; there is no current batch anywhere else. */
public record Pass(Ops ops, Workspace space, StepInputs in, KvCache kv, Collective ranks) {

    /** Activations that live until the current frame closes. */
    public Tensor temp(int rows, int cols) {
        return space.take(ops.activations(), rows, cols);
    }
}
