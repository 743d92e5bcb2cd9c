package espalier.cuda.cases;

import espalier.cuda.cases.AttentionBatch.Shared;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionLimits;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.PagedAttention.Mix;
import espalier.cuda.kernel.StepArrays;
import espalier.tensor.DType;
import java.util.Arrays;

/**
 * Decode attention of a batch with two groups that share prefixes, against its definition in double: {@code members}
 * sequences share {@code positions}, three others half of that; between them one of no group, an empty place, and one that
 * prefills.
 */
record PrefixAttentionCase(String name, AttentionShape shape, int pageSize, int positions, int members)
        implements KernelCase {

    static PrefixAttentionCase of(AttentionShape shape, int pageSize, int positions, int members) {
        String name = "shared prefix attention " + shape.heads() + "/" + shape.kvHeads() + " x " + shape.headDim()
                + (shape.dtype() == DType.F16 ? " fp16" : "") + (shape.softcap() > 0 ? " soft-cap" : "") + " page "
                + pageSize + ", " + members + " x " + positions;
        return new PrefixAttentionCase(name, shape, pageSize, positions, members);
    }

    @Override
    public boolean runsOn(DeviceProperties device) {
        return device.computeCapability() >= 80 || shape.dtype() == DType.F16;
    }

    @Override
    public void check(Workbench bench) {
        int n = members + 6;
        int[] rows = new int[n];
        int[] lengths = new int[n];
        Arrays.fill(rows, 1);
        for (int s = 0; s < n; s++) {
            lengths[s] = positions + 1 + 37 * s % 150;
        }
        lengths[1] = 0;
        lengths[3] = 17;
        lengths[n - 2] = 300;
        rows[n - 2] = 20;
        int half = positions / 2 / pageSize * pageSize;
        int[] few = {0, 4, n - 1};
        int[] many = java.util.stream.IntStream.range(0, n)
                .filter(s -> s != 0 && s != 4 && s != n - 1 && s != 1 && s != 3 && s != n - 2)
                .toArray();
        var batch = new AttentionBatch(shape, pageSize, rows, lengths, bench.random)
                .share(new Shared(half, few))
                .share(new Shared(positions, many));
        var data = new AttentionData(batch, bench);
        StepArrays step = batch.upload(bench);
        AttentionCall call = data.upload(bench, 0);
        var limits = new AttentionLimits(n, batch.tokens, batch.positions, 0, Math.min(members, few.length));
        try (var attention = new PagedAttention(bench.driver(), bench.stream(), shape, limits, pageSize)) {
            PagedAttention.Plan plan = batch.planSharing(bench, step, Mix.MIXED);
            for (int run = 0; run < 2; run++) { // the second finds the counters as the first left them
                attention.plan(bench.stream(), plan);
                attention.attend(bench.stream(), plan, call);
            }
            bench.compare(name, data.download(bench, call), data.expected(0), shape.headDim(), 1e-2);
        }
    }
}
