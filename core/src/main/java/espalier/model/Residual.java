package espalier.model;

import espalier.tensor.Tensor;
import espalier.tensor.Workspace;

/** The residual stream, [tokens, hidden]: each branch reads it normalised and adds to it. */
public final class Residual {
    private final Tensor stream;

    Residual(Tensor stream) {
        this.stream = stream;
    }

    /** {@code stream += branch(before(stream))}. */
    public void add(Pass p, Norm before, Branch branch) {
        try (Workspace.Frame _ = p.space().frame()) {
            branch.addTo(p, before.of(p, stream), stream);
        }
    }

    /** Some rows of the stream, normalised: {@code rows} is [1, n]. */
    Tensor normedRows(Pass p, Tensor rows, Norm norm) {
        Tensor gathered = p.temp(rows.cols(), stream.cols());
        p.ops().gatherRows(stream, rows, gathered);
        return norm.of(p, gathered);
    }
}
