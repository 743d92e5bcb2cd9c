package espalier.sched;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.sched.Simulation.Case;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Random set-ups, each run to its end with every invariant checked at every step, and compared with the model. */
class SchedulerFuzzTest {
    private static final int LEAST_STEPS = 100_000;

    private static List<Case> cases(SplittableRandom r, Limits limits, int count) {
        int alphabet = 2 + r.nextInt(3);
        var cases = new ArrayList<Case>();
        int arrives = 0;
        int pace = r.nextInt(6);
        boolean leaving = r.nextInt(3) == 0;
        int longest = r.nextInt(2) == 0 ? limits.contextLength() * 3 / 4 : 4; // short prompts make long answers
        int[] shared = r.ints(limits.contextLength(), 0, alphabet).toArray();
        for (int id = 0; id < count; id++) {
            int length = 1 + r.nextInt(longest);
            int common = r.nextInt(length + 1);
            int[] prompt = r.ints(length, 0, alphabet).toArray();
            System.arraycopy(shared, 0, prompt, 0, common);
            var request = new GenerateRequest(
                    "r" + id,
                    Tokens.of(prompt),
                    params(r, limits.contextLength() - longest),
                    r.nextInt(40),
                    r.nextInt(5) == 0 ? "salt" : "");
            arrives += pace == 0 ? 0 : r.nextInt(pace);
            int leaves = leaving && r.nextInt(3) == 0 ? arrives + r.nextInt(40) : -1;
            cases.add(new Case(id, request, r.nextLong(), r.nextInt(5) == 0, arrives, leaves));
        }
        return cases;
    }

    private static SamplingParams params(SplittableRandom r, int mostNew) {
        Integer most = r.nextInt(8) == 0 ? null : Integer.valueOf(1 + r.nextInt(mostNew));
        var b = SamplingParams.builder()
                .maxNewTokens(most)
                .minNewTokens(r.nextInt(3) == 0 ? r.nextInt(most == null ? 9 : most + 1) : 0)
                .choice(r.nextInt(3))
                .ignoreEos(r.nextInt(4) != 0)
                .logprobs(r.nextInt(3) - 1);
        if (r.nextInt(4) == 0) {
            b.frequencyPenalty(0.5f);
        }
        if (r.nextInt(4) == 0) {
            b.stopTokenIds(Set.of(r.nextInt(Simulation.VOCAB)));
        }
        return b.build();
    }

    private static Limits limits(SplittableRandom r) {
        int context = 8 + r.nextInt(56);
        int pageSize = r.nextInt(3) == 0 ? 1 : 1 + r.nextInt(8);
        int pages = context / 2 / pageSize + 2 + r.nextInt(Math.max(1, 4 * context / pageSize));
        int chunk = r.nextInt(5) == 0 ? -1 : 1 + r.nextInt(r.nextInt(3) == 0 ? 3 : 40);
        int queue = r.nextInt(6) == 0 ? 1 + r.nextInt(6) : Integer.MAX_VALUE;
        return new Limits(pages, pageSize, 1 + r.nextInt(16), context, chunk, 1 + r.nextInt(48), queue);
    }

    private static Strategy strategy(SplittableRandom r) {
        var policies = Policy.values();
        return new Strategy(
                policies[r.nextInt(policies.length)],
                r.nextInt(2) == 0 ? 0.05 : 1.5 * r.nextDouble(),
                r.nextInt(6) != 0,
                StepShape.values()[r.nextInt(2)],
                r.nextLong(),
                1 + r.nextInt(2),
                sharing(r));
    }

    private static Sharing sharing(SplittableRandom r) {
        return r.nextInt(3) == 0
                ? Sharing.LONGEST_STEPS
                : new Sharing(
                        1 + r.nextInt(20), 1 + r.nextInt(5), 1 + 2 * r.nextDouble(), r.nextInt(3) * r.nextInt(40));
    }

    private static Simulation simulation(Limits limits, Strategy strategy, int depth, long seed) {
        var simulation = new Simulation(limits, strategy, depth, seed);
        return seed % 4 == 0 ? simulation.withPauses() : simulation;
    }

    @Test
    void everyRequestEndsOnceWithTheModelsAnswerWhateverTheSetUp() {
        long steps = 0;
        long retractions = 0;
        long cached = 0;
        for (long seed = 0; steps < LEAST_STEPS; seed++) {
            try {
                var r = new SplittableRandom(seed);
                Limits limits = limits(r);
                Strategy strategy = strategy(r);
                int depth = r.nextInt(4);
                var cases = cases(r, limits, 10 + r.nextInt(60));
                var run = simulation(limits, strategy, depth, seed).run(cases);
                run.checkAnswers(cases);
                run.checkNothingIsLeft();
                if (strategy.policy() == Policy.FCFS) {
                    assertThat(run.admissions).as("order of admission").isSorted();
                }
                if (seed % 8 == 0) {
                    assertThat(simulation(limits, strategy, depth, seed).run(cases).plans)
                            .as("plans of a second run")
                            .isEqualTo(run.plans);
                }
                steps += run.steps;
                retractions += run.scheduler.load(0).retractions();
                cached += run.scheduler.load(0).cachedPromptTokens();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }
        // A generator that no longer reaches these would make the test worthless without failing it.
        assertThat(retractions).isGreaterThan(500);
        assertThat(cached).isGreaterThan(20_000);
    }

    @Test
    void policyChunkCacheAndOverlapChangeNoToken() {
        for (long seed = 0; seed < 20; seed++) {
            var r = new SplittableRandom(seed);
            var shape = new Limits(40, 2, 6, 48, 8, 64, Integer.MAX_VALUE);
            var cases = cases(r, shape, 20).stream().filter(c -> c.leaves() < 0).toList();
            var plain = new Simulation(Limits.of(4000, 1, 32, 48), Strategy.standard(), 0, seed).run(cases);
            for (Policy policy : Policy.values()) {
                for (int variant = 0; variant < 4; variant++) {
                    var strategy = new Strategy(policy, 0.1, variant % 2 == 0, StepShape.values()[variant / 2], seed);
                    var run = new Simulation(shape, strategy, variant, seed).run(cases);
                    for (Case c : cases) {
                        assertThat(run.ids(c.id()))
                                .as("request %d, seed %d, %s", c.id(), seed, strategy)
                                .isEqualTo(plain.ids(c.id()));
                    }
                }
            }
        }
    }

    @Test
    void requestsThatArriveTogetherComputeTheirCommonPrefixOnceUnderEveryPolicy() {
        for (Policy policy : Policy.values()) {
            for (int pageSize : new int[] {1, 4}) {
                for (int chunk : new int[] {5, 16, 1000}) {
                    var limits = new Limits(1000, pageSize, 16, 200, chunk, 1000, Integer.MAX_VALUE);
                    int[] common = IntStream.range(0, 64).map(i -> i % 40).toArray();
                    var cases = new ArrayList<Case>();
                    int expected = 64;
                    for (int id = 0; id < 12; id++) {
                        int suffix = 3 + id % 5;
                        int first = id;
                        int[] prompt = IntStream.range(0, 64 + suffix)
                                .map(i -> i < 64 ? common[i] : first + i)
                                .toArray();
                        expected += suffix;
                        cases.add(new Case(
                                id, new GenerateRequest("r" + id, Tokens.of(prompt), params()), id, false, 0, -1));
                    }
                    var run = new Simulation(limits, Strategy.standard().withPolicy(policy), 1, 0).run(cases);
                    run.checkAnswers(cases);
                    assertThat(run.computed())
                            .as("prompt tokens computed: %s, page size %d, chunk %d", policy, pageSize, chunk)
                            .isEqualTo(expected);
                }
            }
        }
    }

    private static SamplingParams params() {
        return SamplingParams.builder().maxNewTokens(4).build();
    }
}
