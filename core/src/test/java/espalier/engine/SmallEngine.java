package espalier.engine;

import espalier.api.Emission;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.exec.Executor;
import espalier.exec.FakeExecutor;
import espalier.exec.FakeModel;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/** An engine over the fake device, and what tests say about it. */
final class SmallEngine {
    static final int VOCAB = 50;
    static final Set<Integer> END = Set.of(7);
    private static final EngineInfo INFO = new EngineInfo("fake", VOCAB, 128, END, 4, 256, 4);
    private static final Limits LIMITS = new Limits(64, 4, 4, 128, 16, 64, 8);

    private SmallEngine() {}

    static FakeExecutor fake() {
        return new FakeExecutor(64, 4, 4, VOCAB, 1);
    }

    static LocalEngine engine(Executor executor, LoopOptions options) {
        var scheduler = new Scheduler(LIMITS, Strategy.standard(), END);
        return LocalEngine.start(scheduler, executor, INFO, options, Duration.ofSeconds(10));
    }

    /** An engine that, when closed, does not wait for the step in flight. */
    static LocalEngine impatient(Executor executor) {
        var scheduler = new Scheduler(LIMITS, Strategy.standard(), END);
        return LocalEngine.start(scheduler, executor, INFO, LoopOptions.of(1), Duration.ofNanos(1));
    }

    static LocalEngine engine(Executor executor) {
        return engine(executor, LoopOptions.of(1));
    }

    static GenerateRequest request(int number, int newTokens) {
        var params = SamplingParams.builder()
                .maxNewTokens(newTokens)
                .ignoreEos(true)
                .seed((long) number)
                .build();
        int[] prompt =
                IntStream.range(0, 5 + number % 7).map(i -> i + number / 3).toArray();
        return new GenerateRequest("request-" + number, Tokens.of(prompt), params);
    }

    static List<Integer> expected(GenerateRequest request) {
        long seed = java.util.Objects.requireNonNull(request.sampling().seed());
        int most = java.util.Objects.requireNonNull(request.sampling().maxNewTokens());
        return FakeModel.answer(request, seed, null, END, VOCAB, most).tokens();
    }

    record Heard(List<Integer> tokens, Emission end) {}

    static Heard listen(Generation generation) throws InterruptedException {
        var tokens = new ArrayList<Integer>();
        while (true) {
            Emission next = generation.next();
            if (next instanceof Emission.Token token) {
                tokens.add(token.id());
            } else {
                return new Heard(tokens, next);
            }
        }
    }

    /** Runs {@code task} for each number on virtual threads of their own. */
    static <T> List<Future<T>> together(int count, java.util.function.IntFunction<Callable<T>> task) {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            return IntStream.range(0, count)
                    .mapToObj(i -> threads.submit(task.apply(i)))
                    .toList();
        }
    }
}
