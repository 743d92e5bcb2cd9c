package espalier.tensor.reference;

import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.OpShapes;
import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import java.util.LinkedHashSet;
import java.util.Set;

/** Checks shapes and counts. */
final class DryOps implements Ops {
    private final DType activations;
    private final Set<Attending> attending = new LinkedHashSet<>();
    private long calls;
    private long macs;

    DryOps(DType activations) {
        this.activations = activations;
    }

    @Override
    public DType activations() {
        return activations;
    }

    long calls() {
        return calls;
    }

    long macs() {
        return macs;
    }

    Set<Attending> attending() {
        return Set.copyOf(attending);
    }

    @Override
    public void resolveIds(Tensor ids, Tensor lastTokens) {
        OpShapes.resolveIds(ids, lastTokens);
        calls++;
    }

    @Override
    public void embed(Tensor ids, Matrix table, int firstId, Tensor out) {
        OpShapes.embed(ids, table, out);
        calls++;
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor out) {
        OpShapes.rmsNorm(x, weight, out);
        calls++;
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        calls++;
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        OpShapes.addBias(x, bias);
        calls++;
    }

    @Override
    public void matmul(Tensor x, Matrix w, Tensor out) {
        OpShapes.matmul(x, w, out);
        calls++;
        macs += (long) x.rows() * w.out() * w.in();
    }

    @Override
    public void siluMul(Tensor gateUp, Tensor out) {
        OpShapes.siluMul(gateUp, out);
        calls++;
    }

    @Override
    public void rope(Tensor x, int headDim, Tensor positions, Rope rope) {
        OpShapes.rope(x, headDim, positions, rope);
        calls++;
    }

    @Override
    public void headNorm(Tensor x, int headDim, Tensor weight, float eps) {
        OpShapes.headNorm(x, headDim, weight);
        calls++;
    }

    /** Positions are not known here, so the product is counted as if each token saw this step's tokens alone. */
    @Override
    public void attention(Attend a) {
        OpShapes.attention(a);
        attending.add(Attending.of(a));
        calls++;
        macs += (long) a.in().tokens() * (a.in().tokens() + 1) * a.q().cols();
    }

    @Override
    public void scatter(Tensor values, Tensor at, Tensor table) {
        OpShapes.scatter(values, at, table);
        calls++;
    }

    @Override
    public void gatherRows(Tensor x, Tensor indices, Tensor out) {
        OpShapes.gatherRows(x, indices, out);
        calls++;
    }

    @Override
    public void copy(Tensor from, Tensor to) {
        OpShapes.copy(from, to);
        calls++;
    }
}
