package espalier.cpu;

import espalier.cpu.OpMemory.Need;
import espalier.tensor.Matrix;
import espalier.tensor.OpShapes;
import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Computes nothing, and notes what {@link CpuOps} would take to compute the same for steps of up to so many rows: by the
 * functions that tell it to the ops themselves, so there is no second formula. Looks at shapes and formats alone; tensors
 * may have no memory behind them.
 */
final class RehearsedOps implements Ops {
    private final CpuOps ops;
    private final int mostRows;
    private final Set<Rope> ropes = new LinkedHashSet<>();
    private Need need = Need.NONE;
    private int positions = 1;

    RehearsedOps(CpuOps ops, int mostRows) {
        this.ops = ops;
        this.mostRows = mostRows;
    }

    /** What {@link #reserve} takes. */
    long bytes() {
        long rotations = 0;
        for (Rope rope : ropes) {
            rotations += RotationTable.bytes(rope.rotaryDim(), positions);
        }
        return rotations + need.bytes(ops.lanes());
    }

    /** Takes it for the ops that were asked. */
    void reserve() {
        ops.memory().reserve(need);
        for (Rope rope : ropes) {
            ops.rotation(rope).reserve(positions);
        }
    }

    private void note(Need more) {
        need = need.or(more);
    }

    @Override
    public void resolveIds(Tensor ids, Tensor lastTokens) {}

    @Override
    public void embed(Tensor ids, Matrix table, int firstId, Tensor out) {
        note(CpuOps.needOfTable(table));
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor out) {
        note(CpuOps.needOfWeights(weight));
    }

    @Override
    public void add(Tensor x, Tensor delta) {}

    @Override
    public void addBias(Tensor x, Tensor bias) {
        note(CpuOps.needOfWeights(bias));
    }

    @Override
    public void matmul(Tensor x, Matrix w, Tensor out) {
        OpShapes.matmul(x, w, out);
        note(ops.products().need(w, mostRows));
    }

    @Override
    public void siluMul(Tensor gateUp, Tensor out) {}

    @Override
    public void rope(Tensor x, int headDim, Tensor positions, Rope rope) {
        ropes.add(rope);
    }

    @Override
    public void headNorm(Tensor x, int headDim, Tensor weight, float eps) {
        note(CpuOps.needOfWeights(weight));
    }

    /** The page table is as wide as the longest sequence and as high as sequences are many. */
    @Override
    public void attention(Attend call) {
        Tensor pages = call.in().pageTable();
        long longest = (long) pages.cols() * call.in().pageSize();
        positions = Math.max(positions, (int) Math.min(Integer.MAX_VALUE, longest));
        note(ops.attentionFor(call).need(call, Math.min(mostRows, pages.rows()), positions));
    }

    @Override
    public void scatter(Tensor values, Tensor at, Tensor table) {}

    @Override
    public void gatherRows(Tensor x, Tensor indices, Tensor out) {}

    @Override
    public void copy(Tensor from, Tensor to) {}
}
