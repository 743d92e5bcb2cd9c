package espalier.cuda.cases;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionLimits;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.Rotation;
import espalier.cuda.kernel.StepArrays;
import espalier.tensor.DType;
import java.util.Arrays;
import java.util.List;

/**
 * Paged attention of a small batch against its definition in double.
 *
 * @param rows of each sequence, {@code lengths} their positions after the step
 * @param deviation of the scores
 */
record AttentionCase(
        String name,
        AttentionShape shape,
        int pageSize,
        int window,
        PagedAttention.Mix mix,
        int[] rows,
        int[] lengths,
        double deviation)
        implements KernelCase {
    private static final double USUAL = 1.5;
    /** A block's largest score is often more than 44 above another's: e^44 is 2^64. */
    static final double FAR_APART = 150;

    /** Those between them get the same code. */
    static final List<Integer> CAPABILITIES = List.of(75, 80, 90, 120);

    /** One row a sequence. */
    static AttentionCase decode(AttentionShape shape, int pageSize, int... lengths) {
        int[] ones = new int[lengths.length];
        Arrays.fill(ones, 1);
        return new AttentionCase(
                "decode attention " + describe(shape, pageSize) + " " + Arrays.toString(lengths),
                shape,
                pageSize,
                0,
                PagedAttention.Mix.DECODE,
                ones,
                lengths,
                USUAL);
    }

    static AttentionCase prefill(AttentionShape shape, int pageSize, int window, int[] rows, int[] lengths) {
        return new AttentionCase(
                "prefill attention " + describe(shape, pageSize) + (window > 0 ? " window " + window : "") + " "
                        + Arrays.toString(rows) + " of " + Arrays.toString(lengths),
                shape,
                pageSize,
                window,
                PagedAttention.Mix.PREFILL,
                rows,
                lengths,
                USUAL);
    }

    static AttentionCase mixed(AttentionShape shape, int pageSize, int[] rows, int[] lengths) {
        return new AttentionCase(
                "mixed attention " + describe(shape, pageSize) + " " + Arrays.toString(rows) + " of "
                        + Arrays.toString(lengths),
                shape,
                pageSize,
                0,
                PagedAttention.Mix.MIXED,
                rows,
                lengths,
                USUAL);
    }

    AttentionCase window(int positions) {
        return new AttentionCase(
                name + " window " + positions, shape, pageSize, positions, mix, rows, lengths, deviation);
    }

    AttentionCase farApart() {
        return new AttentionCase(name + " scores far apart", shape, pageSize, window, mix, rows, lengths, FAR_APART);
    }

    private static String describe(AttentionShape s, int pageSize) {
        return s.heads() + "/" + s.kvHeads() + " x " + s.headDim() + (s.dtype() == DType.F16 ? " fp16" : "")
                + (s.softcap() > 0 ? " soft-cap" : "") + " page " + pageSize;
    }

    @Override
    public boolean runsOn(DeviceProperties device) {
        int capability = device.computeCapability();
        boolean typical = shape.headDim() == 128 && shape.group() == 4;
        return (capability >= 80 || shape.dtype() == DType.F16) && (typical || CAPABILITIES.contains(capability));
    }

    @Override
    public void check(Workbench bench) {
        var batch = new AttentionBatch(shape, pageSize, rows, lengths, bench.random);
        var data = new AttentionData(batch, bench, deviation);
        StepArrays step = batch.upload(bench);
        AttentionCall call = data.upload(bench, window);
        var limits = new AttentionLimits(rows.length, batch.tokens, Math.max(batch.positions, rows.length), window);
        try (var attention = new PagedAttention(bench.driver(), bench.stream(), shape, limits, pageSize)) {
            PagedAttention.Plan plan = batch.plan(step, mix);
            var writes = new Rotation(bench.driver(), shape);
            for (int run = 0; run < 2; run++) { // the second finds the counters as the first left them
                writes.launch(bench.stream(), call, step, Rotation.Angles.NONE); // what attention must wait for
                attention.plan(bench.stream(), plan);
                attention.attend(bench.stream(), plan, call);
            }
            bench.compare(name, data.download(bench, call), data.expected(window), shape.headDim(), 1e-2);
        }
    }
}
