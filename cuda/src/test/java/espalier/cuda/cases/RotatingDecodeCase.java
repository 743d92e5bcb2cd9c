package espalier.cuda.cases;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionLimits;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.Elementwise;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.Rotation;
import espalier.cuda.kernel.StepArrays;
import espalier.cuda.kernel.View;
import espalier.tensor.DType;
import java.util.Arrays;

/**
 * Decoding, where attention turns queries and keys itself if its kernel can, against rotation and attention apart: the same
 * bits, in the cache too; of attention that may choose another kernel for few sequences the same within the tolerance.
 *
 * <p>Queries and keys are such that the longest sequence's turns cancel: what they leave is how the products were rounded. Of
 * random numbers a few of 100,000 show that one kernel rounds another product of the two than the other.
 */
record RotatingDecodeCase(AttentionShape shape, int pageSize, int... lengths) implements KernelCase {
    private static final float FACTOR = 1.25f;
    /** From one pair's angle to the next, in radians. */
    private static final double STEP = 1e-7;

    @Override
    public String name() {
        return "rotating decode attention " + shape.heads() + "/" + shape.kvHeads() + " x " + shape.headDim() + " page "
                + pageSize + " " + Arrays.toString(lengths);
    }

    @Override
    public boolean runsOn(DeviceProperties device) {
        int capability = device.computeCapability();
        return AttentionCase.CAPABILITIES.contains(capability) && (capability >= 80 || shape.dtype() == DType.F16);
    }

    @Override
    public void check(Workbench bench) {
        int[] ones = new int[lengths.length];
        Arrays.fill(ones, 1);
        var batch = new AttentionBatch(shape, pageSize, ones, lengths, bench.random);
        var data = new AttentionData(batch, bench);
        oppose(data);
        StepArrays step = batch.upload(bench);
        PagedAttention.Plan plan = batch.plan(step, PagedAttention.Mix.DECODE);
        var frequencies = new float[shape.headDim() / 2];
        for (int j = 0; j < frequencies.length; j++) {
            frequencies[j] = (float) ((Math.PI / 4 + j * STEP) / (batch.longest - 1));
        }
        var angles = new Rotation.Angles(bench.floats(frequencies), shape.headDim(), FACTOR, Rotation.Pairs.HALVES);
        var limits = new AttentionLimits(lengths.length, batch.tokens, Math.max(batch.positions, lengths.length), 0);
        AttentionCall apart = data.upload(bench, 0);
        new Rotation(bench.driver(), shape).launch(bench.stream(), apart, step, angles);
        try (var attention = new PagedAttention(bench.driver(), bench.stream(), shape, limits, pageSize)) {
            attention.attend(bench.stream(), plan, apart);
            AttentionCall joined = rotated(bench, data, attention, plan, angles);
            same("results", apart.out(), joined.out(), batch.tokens * data.qCols(), bench);
            sameCache(bench, data, apart, joined);
        }
        try (var attention = PagedAttention.fastest(bench.driver(), bench.stream(), shape, limits, pageSize)) {
            AttentionCall joined = rotated(bench, data, attention, plan, angles);
            bench.compare(name(), data.download(bench, joined), data.download(bench, apart), shape.headDim(), 1e-2);
            sameCache(bench, data, apart, joined);
        }
    }

    /** The second half of each query and key becomes the negative of the first. */
    private void oppose(AttentionData data) {
        int half = shape.headDim() / 2;
        for (int row = 0; row < data.batch.tokens; row++) {
            for (int head = 0; head < shape.heads() + shape.kvHeads(); head++) {
                int from = row * data.cols() + head * shape.headDim();
                for (int j = 0; j < half; j++) {
                    data.qkv[from + half + j] = -data.qkv[from + j];
                }
            }
        }
    }

    private AttentionCall rotated(
            Workbench bench,
            AttentionData data,
            PagedAttention attention,
            PagedAttention.Plan plan,
            Rotation.Angles angles) {
        AttentionCall call = data.upload(bench, 0);
        for (int run = 0; run < 2; run++) { // the second finds the counters as the first left them
            writeRows(bench, data, call); // what attention must wait for
            attention.rotateAndAttend(bench.stream(), plan, call, angles);
        }
        return call;
    }

    private static void sameCache(Workbench bench, AttentionData data, AttentionCall apart, AttentionCall joined) {
        int count = data.batch.slots * data.kvCols();
        same("keys", apart.cache().k(), joined.cache().k(), count, bench);
        same("values", apart.cache().v(), joined.cache().v(), count, bench);
    }

    private static void same(String what, long want, long got, int count, Workbench bench) {
        int at = Arrays.mismatch(bench.readShorts(got, count), bench.readShorts(want, count));
        if (at >= 0) {
            throw new AssertionError(what + " differ from element " + at + " on");
        }
    }

    private void writeRows(Workbench bench, AttentionData data, AttentionCall call) {
        int tokens = data.batch.tokens;
        View rows = View.dense(bench.halves(shape.dtype(), data.qkv), shape.dtype(), tokens, data.cols());
        View to = View.dense(call.q().address(), shape.dtype(), tokens, data.cols());
        new Elementwise(bench.driver(), bench.stream()).copy(rows, to);
    }
}
