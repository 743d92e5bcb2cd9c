package espalier.exec;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import espalier.step.StepResult;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Random;

/**
 * A stand-in for the scheduler, as small as can be: admits sequences as seats become free, feeds prompts by chunks,
 * then one token a step, and hands out pages in a shuffled order. Always one step ahead of the results.
 */
final class PlanDriver {
    private final Capacity capacity;
    private final int chunkTokens;
    private final Deque<Integer> freeSeats = new ArrayDeque<>();
    private final Deque<Integer> freePages = new ArrayDeque<>();
    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private final List<Sequence> running = new ArrayList<>();
    private long number;

    PlanDriver(Capacity capacity, int chunkTokens, long seed) {
        this.capacity = capacity;
        this.chunkTokens = chunkTokens;
        for (int seat = 0; seat < capacity.seats(); seat++) {
            freeSeats.add(seat);
        }
        var pages = new ArrayList<Integer>();
        for (int page = 0; page < capacity.pages(); page++) {
            pages.add(page);
        }
        Collections.shuffle(pages, new Random(seed));
        freePages.addAll(pages);
    }

    static final class Sequence {
        final int[] prompt;
        final int outputs;
        final List<Integer> tokens = new ArrayList<>();
        final List<Float> logprobs = new ArrayList<>();
        private final List<Integer> pages = new ArrayList<>();
        private int seat;
        private int done;
        private int planned;

        Sequence(int[] prompt, int outputs) {
            this.prompt = prompt;
            this.outputs = outputs;
        }

        /** The prompt with what was chosen after it. */
        int[] all() {
            var ids = java.util.Arrays.copyOf(prompt, prompt.length + tokens.size());
            for (int i = 0; i < tokens.size(); i++) {
                ids[prompt.length + i] = tokens.get(i);
            }
            return ids;
        }
    }

    private record UnderWay(Executor.Flight flight, List<Sequence> samples) {}

    void run(Executor executor, List<Sequence> sequences) {
        waiting.addAll(sequences);
        UnderWay before = null;
        while (!waiting.isEmpty() || !running.isEmpty()) {
            UnderWay now = launch(executor);
            if (before != null) {
                take(before);
            }
            before = now;
        }
        if (before != null) {
            take(before);
        }
    }

    private static void take(UnderWay step) {
        StepResult result = step.flight.await();
        for (int i = 0; i < step.samples.size(); i++) {
            Sequence s = step.samples.get(i);
            s.tokens.add(result.tokens()[i]);
            s.logprobs.add(Objects.requireNonNull(result.logprobs().get(i)).chosen());
        }
    }

    private UnderWay launch(Executor executor) {
        while (!waiting.isEmpty() && !freeSeats.isEmpty()) {
            Sequence s = waiting.remove();
            s.seat = freeSeats.remove();
            running.add(s);
        }
        var chunks = new ArrayList<Chunk>();
        var rows = new ArrayList<SamplingBatch.Row>();
        var samples = new ArrayList<Sequence>();
        for (Sequence s : List.copyOf(running)) {
            Chunk chunk = chunk(s);
            chunks.add(chunk);
            if (chunk.samples()) {
                samples.add(s);
                rows.add(greedy(s));
                if (++s.planned == s.outputs) {
                    running.remove(s);
                    freeSeats.add(s.seat);
                    freePages.addAll(s.pages);
                }
            }
        }
        var plan = new StepPlan(++number, chunks);
        Executor.Flight flight = executor.launch(plan);
        flight.sample(new SamplingBatch(number, rows));
        return new UnderWay(flight, samples);
    }

    private static SamplingBatch.Row greedy(Sequence s) {
        var params = SamplingParams.builder().temperature(0).logprobs(0).build();
        return new SamplingBatch.Row(s.seat, params, 1, s.done, Tokens.empty(), null, null, 0);
    }

    private Chunk chunk(Sequence s) {
        int start = s.done;
        Input input = start < s.prompt.length
                ? new Input.Prompt(Tokens.copyOf(s.prompt, start, Math.min(s.prompt.length, start + chunkTokens)))
                : new Input.LastSampled();
        s.done += input.count();
        var added = new ArrayList<Integer>();
        while (s.pages.size() < Math.ceilDiv(s.done, capacity.pageSize())) {
            int page = freePages.remove();
            s.pages.add(page);
            added.add(page);
        }
        Tokens pages = Tokens.of(added.stream().mapToInt(Integer::intValue).toArray());
        return new Chunk(s.prompt.hashCode(), s.seat, start == 0, start, input, pages, s.done >= s.prompt.length);
    }
}
