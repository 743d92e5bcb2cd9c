package espalier.cuda.cases;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import espalier.cuda.driver.Program;
import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionCall.PagedLayer;
import espalier.cuda.kernel.AttentionCall.Rows;
import espalier.cuda.kernel.AttentionLimits;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.PagedAttention.Mix;
import espalier.cuda.kernel.StepArrays;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Attention at the sizes that matter, checked by sampled rows against a plain kernel, then timed over different data in
 * turns, so that nothing comes from a cache. The sizes are a GPU's.
 *
 * @param leastSlots of the cache, so that the data of a small batch are not found in a cache of the GPU
 * @param rows of each sequence, {@code lengths} their positions after the step
 */
record AttentionTiming(
        String name,
        AttentionShape shape,
        int pageSize,
        int leastSlots,
        Mix mix,
        int[] rows,
        int[] lengths,
        Sharing sharing)
        implements KernelCase {
    private static final int SAMPLES = 24;
    private static final int LEAST_SLOTS = 270_336;

    /**
     * Sequences that begin alike, neighbours of the batch.
     *
     * @param members of each group, {@code positions} that they share; whether those are read once for all
     */
    record Sharing(int members, int positions, Reading reading) {
        static final Sharing NONE = new Sharing(1, 0, Reading.BY_EACH);
    }

    enum Reading {
        BY_EACH,
        ONCE
    }

    AttentionTiming(
            String name, AttentionShape shape, int pageSize, int leastSlots, Mix mix, int[] rows, int[] lengths) {
        this(name, shape, pageSize, leastSlots, mix, rows, lengths, Sharing.NONE);
    }

    /** Groups of sequences that share a prefix, {@code own} positions each behind it. */
    static AttentionTiming shared(AttentionShape shape, int pageSize, int groups, Sharing sharing, int own) {
        int[] ones = new int[groups * sharing.members];
        int[] lengths = new int[ones.length];
        Arrays.fill(ones, 1);
        Arrays.fill(lengths, sharing.positions + own);
        String name = "shared prefix attention " + groups + " x " + sharing.members + " of " + sharing.positions + " + "
                + own + (sharing.reading == Reading.ONCE ? ", read once" : ", read by each") + ", page " + pageSize;
        return new AttentionTiming(name, shape, pageSize, LEAST_SLOTS, Mix.DECODE, ones, lengths, sharing);
    }

    static AttentionTiming decode(String what, AttentionShape shape, int pageSize, int... lengths) {
        int[] ones = new int[lengths.length];
        Arrays.fill(ones, 1);
        return new AttentionTiming(
                "decode attention " + what + ", page " + pageSize,
                shape,
                pageSize,
                LEAST_SLOTS,
                Mix.DECODE,
                ones,
                lengths);
    }

    static AttentionTiming prefill(String what, AttentionShape shape, int pageSize, int[] rows, int[] lengths) {
        return new AttentionTiming(
                "prefill attention " + what + ", page " + pageSize,
                shape,
                pageSize,
                LEAST_SLOTS,
                Mix.PREFILL,
                rows,
                lengths);
    }

    @Override
    public boolean runsOn(DeviceProperties device) {
        return device.computeCapability() == 90 && device.memoryBytes() >= 20L << 30;
    }

    @Override
    public void check(Workbench bench) {}

    @Override
    public void time(Workbench bench) {
        var program = new Program("attention_reference.cu", source(), Map.of(), Map.of());
        var sets = new ArrayList<Set>();
        AttentionBatch first = batch(bench);
        int slots = Math.max(leastSlots, first.slots);
        int count = Math.min(16, slots / first.slots);
        var cache = new PagedLayer(
                normal(bench, program, slots * shape.slotBytes() / 2, 1),
                normal(bench, program, slots * shape.slotBytes() / 2, 1),
                slots);
        for (int i = 0; i < count; i++) {
            sets.add(set(bench, program, first.shifted(i * (first.slots / pageSize)), cache));
        }
        var limits = new AttentionLimits(
                rows.length, first.tokens, first.positions, 0, sharing.reading == Reading.ONCE ? sharing.members : 0);
        try (var attention = new PagedAttention(bench.driver(), bench.stream(), shape, limits, pageSize)) {
            check(bench, program, attention, sets.getFirst());
            int least = first.positions > 100_000 ? 4 : first.positions > 1000 ? 16 : 1;
            int launches = Math.ceilDiv(least, count) * count;
            Runnable queue = () -> {
                for (int i = 0; i < launches; i++) {
                    Set set = sets.get(i % sets.size());
                    attention.attend(bench.stream(), set.plan(), set.call());
                }
            };
            if (mix == Mix.PREFILL) {
                bench.timedUnderLoad(name, launches, queue, bytes(first), flops());
            } else {
                bench.timed(name, launches, queue, bytes(first), flops());
            }
        }
    }

    private AttentionBatch batch(Workbench bench) {
        var batch = new AttentionBatch(shape, pageSize, rows, lengths, bench.random);
        for (int s = 0; s < rows.length && sharing.positions > 0; s += sharing.members) {
            batch.share(new AttentionBatch.Shared(
                    sharing.positions, IntStream.range(s, s + sharing.members).toArray()));
        }
        return batch;
    }

    private record Set(AttentionBatch batch, PagedAttention.Plan plan, AttentionCall call) {}

    private Set set(Workbench bench, Program program, AttentionBatch batch, PagedLayer cache) {
        int q = shape.heads() * shape.headDim();
        int kv = shape.kvHeads() * shape.headDim();
        int cols = q + 2 * kv;
        StepArrays step = batch.upload(bench);
        long qkv = normal(bench, program, (long) batch.tokens * cols, 1.5f);
        for (int part = 0; part < 2; part++) {
            Arguments copy = Arguments.of()
                    .pointer(qkv + 2L * (q + part * kv))
                    .pointer(part == 0 ? cache.k() : cache.v())
                    .pointer(step.writeSlots())
                    .int32(cols)
                    .int32(kv);
            launch(bench, program, "copy_rows", Dim.of(batch.tokens), 128, copy);
        }
        var call = new AttentionCall(
                new Rows(qkv, cols),
                new Rows(qkv + 2L * q, cols),
                new Rows(qkv + 2L * (q + kv), cols),
                bench.poisoned(2L * batch.tokens * q),
                cache,
                (float) (1 / Math.sqrt(shape.headDim())),
                0);
        return new Set(
                batch,
                sharing.reading == Reading.ONCE ? batch.planSharing(bench, step, mix) : batch.plan(step, mix),
                call);
    }

    private static long normal(Workbench bench, Program program, long count, float deviation) {
        long at = bench.zeros(2 * count + 4);
        Arguments fill = Arguments.of()
                .pointer(at)
                .int64(count)
                .int32(bench.random.nextInt())
                .float32(deviation);
        int blocks = (int) Math.min(2048, Math.ceilDiv(count, 256));
        launch(bench, program, "fill_normal", Dim.of(blocks), 256, fill);
        return at;
    }

    private static void launch(Workbench bench, Program program, String name, Dim grid, int threads, Arguments args) {
        bench.driver()
                .launch(bench.stream(), bench.driver().kernel(program, name), Launch.of(grid, Dim.of(threads)), args);
    }

    private void check(Workbench bench, Program program, PagedAttention attention, Set set) {
        AttentionBatch batch = set.batch();
        int cols = shape.heads() * shape.headDim();
        attention.plan(bench.stream(), set.plan());
        attention.attend(bench.stream(), set.plan(), set.call());
        short[] once = bench.readShorts(set.call().out(), batch.tokens * cols);
        attention.attend(bench.stream(), set.plan(), set.call());
        if (!Arrays.equals(once, bench.readShorts(set.call().out(), batch.tokens * cols))) {
            throw new AssertionError(name + ": two runs differ");
        }
        int nans = 0;
        for (short bits : once) {
            nans += (bits & 0x7fff) > 0x7f80 ? 1 : 0;
        }
        if (nans != 0) {
            throw new AssertionError(name + ": " + nans + " values not written or no numbers");
        }
        int[][] samples = samples(bench, batch);
        int n = samples[0].length;
        long want = bench.zeros(4L * n * cols);
        Arguments fields = Arguments.of()
                .pointer(want)
                .pointer(set.call().q().address())
                .pointer(set.call().cache().k())
                .pointer(set.call().cache().v())
                .pointer(set.plan().step().pageTable())
                .pointer(bench.ints(samples[0]))
                .pointer(bench.ints(samples[1]))
                .pointer(bench.ints(samples[2]))
                .int32(set.call().q().stride())
                .int32(batch.stride)
                .int32(pageSize)
                .int32(shape.kvHeads())
                .int32(shape.headDim())
                .int32(0)
                .float32(set.call().scale());
        launch(
                bench,
                program,
                "reference",
                Dim.of(shape.heads(), n),
                128,
                Arguments.of().struct(fields));
        var got = new float[n * cols];
        for (int i = 0; i < n; i++) {
            float[] row = bench.readBf16(set.call().out() + 2L * samples[0][i] * cols, cols);
            System.arraycopy(row, 0, got, i * cols, cols);
        }
        bench.compare(name, got, bench.readFloats(want, n * cols), shape.headDim(), 1e-2);
    }

    /** Rows, their page table rows and positions: the last ones of some sequences and random ones. */
    private int[][] samples(Workbench bench, AttentionBatch batch) {
        int[][] samples = new int[3][SAMPLES];
        for (int i = 0; i < SAMPLES; i++) {
            int s = bench.random.nextInt(rows.length);
            int r = i % 2 == 0 ? rows[s] - 1 : bench.random.nextInt(rows[s]);
            samples[0][i] = batch.firstRow[s] + r;
            samples[1][i] = batch.seats[s];
            samples[2][i] = batch.position(s, r);
        }
        return samples;
    }

    private double bytes(AttentionBatch batch) {
        return 2.0 * shape.slotBytes() * batch.positionsRead() + 4.0 * batch.tokens * shape.heads() * shape.headDim();
    }

    /** Two products; the triangle of the new tokens counts as half a square. */
    private double flops() {
        double pairs = 0;
        for (int s = 0; s < rows.length; s++) {
            pairs += mix == Mix.DECODE ? lengths[s] : (double) rows[s] * (lengths[s] - rows[s] / 2.0);
        }
        return 4.0 * shape.headDim() * shape.heads() * pairs;
    }

    private static String source() {
        try (InputStream in = AttentionTiming.class.getResourceAsStream("attention_reference.cu")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
