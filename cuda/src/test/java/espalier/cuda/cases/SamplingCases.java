package espalier.cuda.cases;

import espalier.api.SamplingParams;
import espalier.api.TokenLogprobs;
import espalier.base.Tokens;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.DeviceSampler;
import espalier.cuda.kernel.View;
import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import espalier.tensor.DType;
import espalier.tensor.Sampler;
import espalier.tensor.Tensor;
import espalier.tensor.host.HostBuffer;
import espalier.tensor.host.HostSampler;
import espalier.tensor.host.Parts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Choosing tokens, against the host's sampler: the same tokens, and log-probabilities within rounding. */
final class SamplingCases {
    private static final int SEATS = 24;
    private static final int LONGEST = 64;
    private static final double LOGPROB_TOLERANCE = 1e-5;
    /** These kernels are the same for every architecture and take long to compile: most cases run on one, some on three. */
    private static final int HOPPER = 90;

    private static final List<Integer> SEVERAL = List.of(75, HOPPER, 120);

    private SamplingCases() {}

    static List<KernelCase> all() {
        return List.of(
                new AsHost(9000, 4, List.of(HOPPER)),
                new AsHost(130, 4, SEVERAL),
                new AsHost(4099, 0.05, List.of(HOPPER)),
                new Flat(),
                new Alone(),
                new Timed());
    }

    private static SamplingParams params(UnaryOperator<SamplingParams.Builder> set) {
        return set.apply(SamplingParams.builder()).build();
    }

    /** Every way to choose, and some of them together. */
    private static List<SamplingParams> ways(int vocab) {
        return List.of(
                params(b -> b.temperature(0)),
                params(b -> b.temperature(0).logprobs(5)),
                params(b -> b.temperature(1)),
                params(b -> b.temperature(1.7f).logprobs(0)),
                params(b -> b.temperature(0.6f).topK(7)),
                params(b -> b.temperature(1).topP(0.8f)),
                params(b -> b.temperature(1.3f).topP(0.97f).topK(40).logprobs(20)),
                params(b -> b.temperature(1).minP(0.1f)),
                params(b -> b.temperature(2).topP(0.999f).minP(0.02f)),
                params(b -> b.temperature(3).topP(0.9999f)),
                params(b -> b.temperature(0).presencePenalty(1.5f).frequencyPenalty(0.4f)),
                params(b -> b.temperature(1).repetitionPenalty(1.3f).topP(0.9f).logprobs(3)),
                params(b -> b.temperature(1)
                        .logitBias(Map.of(3, 5f, vocab - 1, -100f, 17, 9.5f))
                        .logprobs(2)),
                params(b -> b.temperature(0).logitBias(Map.of(vocab - 2, 50f)).logprobs(128)));
    }

    private static SamplingBatch batch(Workbench b, int vocab, int step, List<SamplingParams> ways) {
        var rows = new ArrayList<SamplingBatch.Row>();
        for (int i = 0; i < ways.size(); i++) {
            long @Nullable [] mask = null;
            if (i % 4 == 1) { // some words short, too
                mask = new long[Math.max(1, vocab / 64 - i % 3)];
                for (int w = 0; w < mask.length; w++) {
                    mask[w] = b.random.nextLong() | b.random.nextLong();
                }
            }
            boolean first = step == 0 && ways.get(i).hasPenalties();
            Tokens history = first ? Tokens.of(5, 9, 9, 100, 9, 3, 77) : null;
            Tokens barred = i % 3 == 2 ? Tokens.of(i, 2 * i, vocab + 5) : Tokens.empty();
            rows.add(new SamplingBatch.Row(
                    SEATS - 1 - i, ways.get(i), 1000 + 7 * i, 40 + step, barred, mask, history, 4));
        }
        return new SamplingBatch(step, rows);
    }

    private static HostSampler host(Arena arena, int vocab) {
        return new HostSampler(new HostBuffer(arena.allocate(4L * SEATS, 8)), SEATS, vocab, Parts.inTurn());
    }

    private static StepResult onHost(HostSampler host, Arena arena, float[] logits, SamplingBatch how) {
        MemorySegment copy = arena.allocate(4L * logits.length, 8);
        MemorySegment.copy(logits, 0, copy, ValueLayout.JAVA_FLOAT, 0, logits.length);
        int rows = how.rows().size();
        int vocab = logits.length / rows;
        host.sample(new Tensor(new HostBuffer(copy), 0, DType.F32, rows, vocab, vocab), how);
        return host.result();
    }

    private static float[] logits(Workbench b, int rows, int vocab, double deviation) {
        var values = new float[rows * vocab];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (b.random.nextGaussian() * deviation);
        }
        return values;
    }

    private static void compare(StepResult got, StepResult want) {
        for (int i = 0; i < want.tokens().length; i++) {
            if (got.tokens()[i] != want.tokens()[i]) {
                throw new AssertionError("step " + want.number() + ", row " + i + ": token " + got.tokens()[i]
                        + ", the host chooses " + want.tokens()[i]);
            }
            TokenLogprobs mine = got.logprobs().get(i);
            TokenLogprobs theirs = want.logprobs().get(i);
            if (mine == null || theirs == null) {
                if (mine != theirs) {
                    throw new AssertionError("row " + i + " reports " + mine + ", the host " + theirs);
                }
                continue;
            }
            boolean close = Math.abs(mine.chosen() - theirs.chosen()) <= LOGPROB_TOLERANCE;
            close &= mine.topIds().equals(theirs.topIds());
            for (int k = 0; close && k < theirs.topLogprobs().length; k++) {
                close = Math.abs(mine.topLogprobs()[k] - theirs.topLogprobs()[k]) <= LOGPROB_TOLERANCE;
            }
            if (!close) {
                throw new AssertionError("row " + i + ": log-probabilities " + mine + ", the host's " + theirs);
            }
        }
    }

    /** Three steps of all ways to choose. */
    private record AsHost(int vocab, double deviation, List<Integer> on) implements KernelCase {
        @Override
        public boolean runsOn(DeviceProperties device) {
            return on.contains(device.computeCapability());
        }

        @Override
        public String name() {
            return "sampling as the host, " + vocab + " ids, deviation " + deviation;
        }

        @Override
        public void check(Workbench b) {
            List<SamplingParams> ways = ways(vocab);
            try (Arena arena = Arena.ofConfined();
                    var sampler = new DeviceSampler(b.driver(), b.stream(), new Sampler.Size(SEATS, vocab, LONGEST))) {
                HostSampler host = host(arena, vocab);
                for (int step = 0; step < 2; step++) {
                    float[] logits = logits(b, ways.size(), vocab, deviation);
                    SamplingBatch how = batch(b, vocab, step, ways);
                    sampler.sample(View.dense(b.floats(logits), DType.F32, ways.size(), vocab), how);
                    StepResult got = sampler.result();
                    compare(got, onHost(host, arena, logits, how));
                    int[] last = b.readInts(sampler.lastTokens(), SEATS);
                    for (int i = 0; i < ways.size(); i++) {
                        if (last[SEATS - 1 - i] != Math.max(0, got.tokens()[i])) {
                            throw new AssertionError("row " + i + ": the seat keeps " + last[SEATS - 1 - i]);
                        }
                    }
                }
            }
        }
    }

    /** Rows of equal logits, where ties decide, more of them than shared memory lists; and rows without a choice. */
    private record Flat() implements KernelCase {
        @Override
        public boolean runsOn(DeviceProperties device) {
            return SEVERAL.contains(device.computeCapability());
        }

        @Override
        public String name() {
            return "sampling among equal logits";
        }

        @Override
        public void check(Workbench b) {
            int vocab = 5000;
            List<SamplingParams> ways = List.of(
                    params(p -> p.temperature(0).logprobs(4)),
                    params(p -> p.temperature(1).topK(4500)),
                    params(p -> p.temperature(1).topP(0.6f)),
                    params(p -> p.temperature(1)),
                    params(p -> p.temperature(1).logprobs(1)),
                    params(p -> p.temperature(0)));
            var logits = new float[ways.size() * vocab];
            java.util.Arrays.fill(logits, 1.25f);
            java.util.Arrays.fill(logits, 4 * vocab, 5 * vocab, Float.NEGATIVE_INFINITY);
            logits[4 * vocab + 4321] = 3;
            java.util.Arrays.fill(logits, 5 * vocab, 6 * vocab, Float.NEGATIVE_INFINITY);
            try (Arena arena = Arena.ofConfined();
                    var sampler = new DeviceSampler(b.driver(), b.stream(), new Sampler.Size(SEATS, vocab, LONGEST))) {
                var rows = new ArrayList<SamplingBatch.Row>();
                for (int i = 0; i < ways.size(); i++) {
                    rows.add(new SamplingBatch.Row(i, ways.get(i), 5 + i, 9, Tokens.empty(), null, null, 0));
                }
                var how = new SamplingBatch(7, rows);
                sampler.sample(View.dense(b.floats(logits), DType.F32, ways.size(), vocab), how);
                compare(sampler.result(), onHost(host(arena, vocab), arena, logits, how));
            }
        }
    }

    /** A row gets the same token alone, from rows with a gap between them, that are not aligned. */
    private record Alone() implements KernelCase {
        @Override
        public boolean runsOn(DeviceProperties device) {
            return device.computeCapability() == HOPPER;
        }

        @Override
        public String name() {
            return "sampling alone as in a batch";
        }

        @Override
        public void check(Workbench b) {
            int vocab = 4500;
            List<SamplingParams> ways = ways(vocab).subList(2, 9);
            float[] logits = logits(b, ways.size(), vocab, 3);
            var gaps = new float[ways.size() * (vocab + 3) + 1];
            for (int i = 0; i < logits.length; i++) {
                gaps[1 + i / vocab * (vocab + 3) + i % vocab] = logits[i];
            }
            try (var sampler = new DeviceSampler(b.driver(), b.stream(), new Sampler.Size(SEATS, vocab, LONGEST))) {
                SamplingBatch how = batch(b, vocab, 1, ways);
                sampler.sample(View.dense(b.floats(logits), DType.F32, ways.size(), vocab), how);
                int[] together = sampler.result().tokens();
                long at = b.floats(gaps);
                for (int i = 0; i < ways.size(); i++) {
                    View row = new View(at + 4 + 4L * i * (vocab + 3), DType.F32, 1, vocab, vocab + 3);
                    sampler.sample(row, new SamplingBatch(2, List.of(how.rows().get(i))));
                    if (sampler.result().tokens()[0] != together[i]) {
                        throw new AssertionError("row " + i + " alone is given another token");
                    }
                }
            }
        }
    }

    /** 128,256 ids. */
    private record Timed() implements KernelCase {
        @Override
        public String name() {
            return "sampling times";
        }

        @Override
        public void check(Workbench bench) {
            // the other cases check
        }

        @Override
        public void time(Workbench b) {
            int vocab = 128_256;
            float[] one = logits(b, 4, vocab, 3);
            long at = b.zeros(256L * vocab * 4);
            for (int i = 0; i < 256; i += 4) {
                b.driver().upload(b.stream(), MemorySegment.ofArray(one), at + 4L * i * vocab);
            }
            b.driver().synchronize(b.stream());
            Map<String, SamplingParams> ways = Map.of(
                    "greedy", params(p -> p.temperature(0)),
                    "temperature", params(p -> p.temperature(1)),
                    "top-p 0.9", params(p -> p.temperature(0.7f).topP(0.9f)),
                    "greedy, 5 logprobs", params(p -> p.temperature(0).logprobs(5)));
            try (var sampler = new DeviceSampler(b.driver(), b.stream(), new Sampler.Size(256, vocab, LONGEST))) {
                for (int rows : new int[] {1, 64, 256}) {
                    View logits = View.dense(at, DType.F32, rows, vocab);
                    ways.forEach((name, way) -> {
                        var all = new ArrayList<SamplingBatch.Row>();
                        for (int i = 0; i < rows; i++) {
                            all.add(new SamplingBatch.Row(i, way, 3 + i, 9, Tokens.empty(), null, null, 0));
                        }
                        var how = new SamplingBatch(0, all);
                        b.timed(
                                "sampling " + rows + " rows, " + name,
                                1,
                                () -> sampler.sample(logits, how),
                                4.0 * rows * vocab,
                                0);
                    });
                }
            }
        }
    }
}
