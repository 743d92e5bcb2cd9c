package espalier.sched;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.GenerateRequest;
import espalier.api.RequestRejected;
import espalier.exec.Executor.Flight;
import espalier.exec.FakeExecutor;
import espalier.exec.FakeModel;
import espalier.step.StepPlan;
import espalier.step.TokenRules;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Runs requests through a scheduler and the fake device to their ends, checking everything that can be checked. */
final class Simulation {
    static final int VOCAB = 50;
    static final Set<Integer> END = Set.of(7, 11);

    /**
     * A request and its fate.
     *
     * @param ruled whether a {@link Zigzag} constrains it
     * @param arrives the step before which it is submitted
     * @param leaves the step after whose launch it is cancelled; -1 for never
     */
    record Case(long id, GenerateRequest request, long seed, boolean ruled, int arrives, int leaves) {
        @Nullable
        TokenRules rules() {
            return ruled ? new Zigzag() : null;
        }
    }

    /** Allows only ids of the other parity than the last: each mask depends on every token before. */
    static final class Zigzag implements TokenRules {
        private int last;

        @Override
        public long[] mask() {
            return new long[] {last % 2 == 0 ? 0xAAAAAAAAAAAAAAAAL : 0x5555555555555555L};
        }

        @Override
        public void accept(int token) {
            assertThat(token % 2).as("parity after " + last).isNotEqualTo(last % 2);
            last = token;
        }
    }

    final Limits limits;
    final Strategy strategy;
    final Scheduler scheduler;
    final List<StepPlan> plans = new ArrayList<>();
    final List<StepFacts> facts = new ArrayList<>();
    final Map<Long, List<Emission.Token>> tokens = new HashMap<>();
    final Map<Long, Emission> ends = new HashMap<>();
    final List<Long> admissions = new ArrayList<>();
    int steps;
    private final FakeExecutor executor;
    private final ArrayDeque<Flight> flights = new ArrayDeque<>();
    private final SplittableRandom random;
    private final int depth;
    private boolean pausing;

    /** @param depth most steps ahead; how many there are at each step is drawn from {@code seed} */
    Simulation(Limits limits, Strategy strategy, int depth, long seed) {
        this.limits = limits;
        this.strategy = strategy;
        this.depth = depth;
        this.random = new SplittableRandom(seed);
        this.scheduler = new Scheduler(limits, strategy, END);
        this.executor = new FakeExecutor(limits.pages(), limits.pageSize(), limits.maxRunningRequests(), VOCAB, depth);
    }

    /** Lets it pause now and then. */
    Simulation withPauses() {
        pausing = true;
        return this;
    }

    Simulation run(List<Case> cases) {
        var arrivals = new ArrayDeque<>(cases);
        var seen = new HashSet<Long>();
        long work = cases.stream()
                .mapToLong(c -> c.request().prompt().size() + limits.contextLength() + c.arrives())
                .sum();
        while (!arrivals.isEmpty() || !scheduler.isIdle() || !flights.isEmpty()) {
            assertThat(steps).as("steps: is something stuck?").isLessThan((int) (2 * work + 1000));
            while (!arrivals.isEmpty() && arrivals.element().arrives() <= steps) {
                Case c = arrivals.remove();
                scheduler.submit(c.id(), c.request(), c.seed(), c.rules()).ifPresent(this::hear);
            }
            pauseOrResume();
            boolean quiet = flights.isEmpty();
            StepPlan plan = scheduler.plan(speed());
            plan.chunks().stream()
                    .filter(c -> c.opens() && seen.add(c.request()))
                    .forEach(c -> admissions.add(c.request()));
            if (plan.isEmpty()) {
                assertThat(quiet && !scheduler.isIdle() && !scheduler.isPaused())
                        .as("requests are open but nothing is planned")
                        .isFalse();
                finishDownTo(Math.max(0, flights.size() - 1));
            } else {
                step(plan, cases);
            }
            scheduler.checkInvariants();
            steps++;
        }
        return this;
    }

    /** Whatever a clock may say: a plan is to be right at any speed. */
    private Speed speed() {
        return random.nextInt(3) == 0 ? Speed.UNKNOWN : new Speed(1 + random.nextInt(100), 1 + random.nextInt(20));
    }

    private void pauseOrResume() {
        if (scheduler.isPaused()) {
            if (random.nextInt(3) == 0) {
                scheduler.resume();
            }
        } else if (pausing && random.nextInt(50) == 0) {
            scheduler
                    .pause(random.nextBoolean() ? Pause.RETRACT : Pause.IN_PLACE)
                    .forEach(this::hear);
        }
    }

    private void step(StepPlan plan, List<Case> cases) {
        assertThat(plan.tokens()).as("tokens of a plan").isLessThanOrEqualTo(limits.maxStepTokens());
        plans.add(plan);
        facts.add(scheduler.facts());
        Flight now = executor.launch(plan);
        boolean late = scheduler.isConstrained();
        if (!late) {
            now.sample(scheduler.sampling());
        }
        for (Case c : cases) {
            if (c.leaves() == steps) {
                scheduler.cancel(c.id()).ifPresent(this::hear);
            }
        }
        finishDownTo(late ? 0 : Math.max(0, random.nextInt(depth + 1) - 1));
        if (late) {
            now.sample(scheduler.sampling());
        }
        flights.add(now);
        finishDownTo(random.nextInt(depth + 1));
    }

    private void finishDownTo(int left) {
        while (flights.size() > left) {
            scheduler.complete(flights.remove().await()).forEach(this::hear);
        }
    }

    private void hear(Emission emission) {
        assertThat(ends).as("an event after the end").doesNotContainKey(emission.request());
        switch (emission) {
            case Emission.Token t ->
                tokens.computeIfAbsent(t.request(), id -> new ArrayList<>()).add(t);
            case Emission.Done d -> ends.put(d.request(), d);
            case Emission.Failed f -> ends.put(f.request(), f);
        }
    }

    List<Integer> ids(long request) {
        return tokens.getOrDefault(request, List.of()).stream()
                .map(Emission.Token::id)
                .toList();
    }

    /** Every request ended once, as the model without a cache says. */
    void checkAnswers(List<Case> cases) {
        for (Case c : cases) {
            Emission end = ends.get(c.id());
            assertThat(end).as("end of request " + c.id()).isNotNull();
            var got = tokens.getOrDefault(c.id(), List.of());
            if (end instanceof Emission.Failed failed) {
                assertThat(failed.cause()).isInstanceOf(RequestRejected.class);
                assertThat(got).isEmpty();
                continue;
            }
            int most = limits.newTokens(c.request());
            var expected = FakeModel.answer(c.request(), c.seed(), c.rules(), END, VOCAB, most);
            var done = (Emission.Done) end;
            int size = done.reason() == Emission.FinishReason.ABORT
                    ? got.size()
                    : expected.tokens().size();
            assertThat(ids(c.id()))
                    .as("tokens of request " + c.id())
                    .isEqualTo(expected.tokens().subList(0, size));
            for (int i = 0; i < size; i++) {
                var scored = got.get(i).logprobs();
                assertThat(scored == null ? Float.NaN : scored.chosen())
                        .isEqualTo(expected.logprobs().get(i));
            }
            if (done.reason() != Emission.FinishReason.ABORT) {
                assertThat(done.reason()).isEqualTo(expected.reason());
            } else {
                assertThat(c.leaves()).isNotNegative();
            }
            assertThat(done.promptTokens()).isEqualTo(c.request().prompt().size());
            assertThat(done.completionTokens()).isEqualTo(size);
            assertThat(done.cachedTokens()).isBetween(0, c.request().prompt().size() - 1);
        }
    }

    /** Nothing is held when nothing is open, and a flush leaves nothing cached. */
    void checkNothingIsLeft() {
        assertThat(scheduler.load(0).usedTokens()).isZero();
        assertThat(scheduler.load(0).runningRequests()).isZero();
        assertThat(scheduler.load(0).waitingRequests()).isZero();
        assertThat(scheduler.flush()).isTrue();
        assertThat(scheduler.load(0).cachedTokens()).isZero();
        scheduler.checkInvariants();
    }

    /** Prompt tokens that were computed, not found in the cache. */
    int computed() {
        return facts.stream().mapToInt(StepFacts::promptTokens).sum();
    }
}
