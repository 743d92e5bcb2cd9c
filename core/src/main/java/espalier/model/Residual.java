package espalier.model;

import espalier.tensor.Tensor;
import espalier.tensor.Workspace;

/**
 * The residual stream. What a branch yields is not added at once but together with the next norm, in one pass over
 * memory; so one delta is pending at most, in memory of its own that outlives the branch's frame.
 */
public final class Residual {
    private final Tensor stream;
    private final Tensor delta;
    private boolean pending;

    Residual(Pass p, Tensor stream) {
        this.stream = stream;
        this.delta = p.temp(stream.rows(), stream.cols());
    }

    /** {@code stream += branch(before(stream))}. */
    public void add(Pass p, Norm before, Branch branch) {
        try (Workspace.Frame _ = p.space().frame()) {
            Tensor x = p.temp(stream.rows(), stream.cols());
            norm(p, stream, delta, before, x);
            branch.apply(p, x, delta);
        }
        pending = true;
    }

    /** Some rows of the stream, normalised: {@code rows} is [1, n]. Leaves the stream itself as it is. */
    Tensor normedRows(Pass p, Tensor rows, Norm norm) {
        Tensor x = gathered(p, stream, rows);
        Tensor out = p.temp(rows.cols(), stream.cols());
        norm(p, x, pending ? gathered(p, delta, rows) : delta, norm, out);
        return out;
    }

    private void norm(Pass p, Tensor x, Tensor d, Norm norm, Tensor out) {
        if (pending) {
            p.ops().addRmsNorm(x, d, norm.weight(), norm.eps(), out);
        } else {
            p.ops().rmsNorm(x, norm.weight(), norm.eps(), out);
        }
    }

    private static Tensor gathered(Pass p, Tensor from, Tensor rows) {
        Tensor out = p.temp(rows.cols(), from.cols());
        p.ops().gatherRows(from, rows, out);
        return out;
    }
}
