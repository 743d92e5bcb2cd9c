package espalier.sched;

import static espalier.sched.Steps.TOKEN;
import static espalier.sched.Steps.aCase;
import static espalier.sched.Steps.admitted;
import static espalier.sched.Steps.plan;
import static espalier.sched.Steps.request;
import static espalier.sched.Steps.scheduler;
import static espalier.sched.Steps.step;
import static espalier.sched.Steps.upTo;
import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.Emission.FinishReason;
import espalier.api.GenerateRequest;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.sched.Simulation.Case;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SchedulerTest {
    private static RequestRejected rejection(Scheduler scheduler, GenerateRequest request) {
        return (RequestRejected)
                scheduler.submit(0, request, 0, null).orElseThrow().cause();
    }

    @Test
    void whatCanNeverRunIsRejectedAtOnceAndSaysWhy() {
        var scheduler = scheduler(Limits.of(8, 4, 2, 64), Policy.FCFS);
        assertThat(rejection(scheduler, request(64, 1)))
                .hasMessage("The input (64 tokens) is longer than the model's context length (64 tokens).");
        assertThat(rejection(scheduler, request(60, 5)))
                .hasMessageStartingWith("Requested token count exceeds the model's maximum context length of 64 tokens."
                        + " You requested a total of 65 tokens: 60 tokens from the input messages and 5 tokens");
        assertThat(rejection(scheduler, request(20, 14))).hasMessageContaining("do not fit the KV cache (32 tokens)");
        assertThat(rejection(scheduler, request(40, 1)).parameter()).isEqualTo("prompt");
        assertThat(rejection(scheduler, request(0, 1))).hasMessage("Prompt cannot be empty");
        assertThat(scheduler.isIdle()).isTrue();
        assertThat(scheduler.submit(1, request(20, 13), 0, null)).isEmpty();
    }

    @Test
    void withoutALimitOfItsOwnARequestMayFillContextOrCache() {
        var open = new GenerateRequest(
                "r", Tokens.of(1, 2, 3), SamplingParams.builder().build());
        assertThat(Limits.of(100, 4, 2, 64).newTokens(open)).isEqualTo(61);
        assertThat(Limits.of(8, 4, 2, 64).newTokens(open)).isEqualTo(30);
    }

    @Test
    void chunksFillTheBudgetAndEndAtPages() {
        var limits = new Limits(100, 4, 4, 64, 10, 1000, Integer.MAX_VALUE);
        var run = new Simulation(limits, Strategy.standard(), 1, 0)
                .run(List.of(aCase(0, IntStream.range(0, 30).toArray(), 2)));
        assertThat(run.plans.stream().map(StepPlan::tokens)).startsWith(8, 8, 8, 6);
    }

    @Test
    void withoutChunksAPromptIsNeverSplitButMayGoAloneBeyondTheBudget() {
        var limits = new Limits(200, 1, 4, 64, -1, 16, Integer.MAX_VALUE);
        var cases = List.of(
                aCase(0, IntStream.range(0, 30).toArray(), 1),
                aCase(1, IntStream.range(100, 110).toArray(), 1),
                aCase(2, IntStream.range(200, 206).toArray(), 1),
                aCase(3, IntStream.range(300, 301).toArray(), 1));
        var run = new Simulation(limits, Strategy.standard(), 0, 0).run(cases);
        assertThat(run.plans.stream().map(StepPlan::tokens)).containsExactly(30, 16, 1);
    }

    @Test
    void noPartOfAPromptIsASingleRowWhereADeviceComputesThatOtherwise() {
        var strategy = Strategy.standard().withLeastPromptRows(2);
        for (int page : new int[] {1, 4}) {
            var cases = new ArrayList<Case>();
            for (int i = 0; i < 40; i++) { // each again and again, so that it is found in the cache whole or in part
                int length = 2 + i * 7 % 23;
                cases.add(new Case(
                        i, aCase(i, IntStream.range(0, length).toArray(), 3).request(), i, false, 2 * i, -1));
            }
            var run = new Simulation(new Limits(400, page, 4, 64, 8, 64, 99), strategy, 1, 0).run(cases);
            run.checkAnswers(cases);
            assertThat(run.scheduler.load(0).cachedPromptTokens()).isGreaterThan(100);
            assertThat(run.plans.stream()
                            .flatMap(plan -> plan.chunks().stream())
                            .filter(c -> c.input() instanceof StepPlan.Input.Prompt)
                            .map(c -> c.input().count()))
                    .as("rows of the parts of prompts")
                    .allMatch(rows -> rows >= 2);
        }
    }

    @Test
    void thoseThatDecodeArePlannedTheLongestFirst() {
        var scheduler = scheduler(Limits.of(400, 1, 8, 128), Policy.FCFS);
        int[] prompts = {5, 30, 12, 30};
        for (int id = 0; id < prompts.length; id++) {
            assertThat(scheduler.submit(id, request(prompts[id], 4, id + 1), 0, null))
                    .isEmpty();
        }
        step(scheduler, new ArrayList<>());
        StepPlan decoding = step(scheduler, new ArrayList<>());
        assertThat(decoding.chunks().stream().map(StepPlan.Chunk::request)).containsExactly(1L, 3L, 2L, 0L);
    }

    @Test
    void prefillFirstNeverMixes() {
        var strategy = new Strategy(Policy.FCFS, 1, true, StepShape.PREFILL_FIRST, 0);
        var cases = IntStream.range(0, 6)
                .mapToObj(id -> new Case(
                        id,
                        aCase(id, IntStream.range(50 * id, 50 * id + 20).toArray(), 8)
                                .request(),
                        id,
                        false,
                        id * 3,
                        -1))
                .toList();
        var run = new Simulation(new Limits(400, 1, 4, 64, 8, 64, 9), strategy, 1, 0).run(cases);
        run.checkAnswers(cases);
        assertThat(run.facts).noneMatch(f -> f.decodes() > 0 && f.promptTokens() > 0);
        assertThat(run.facts).anyMatch(f -> f.decodes() > 1);
    }

    @Test
    void stopIdsAreBarredUntilTheLeastNumberOfTokens() {
        var scheduler = scheduler(Limits.of(100, 1, 1, 64), Policy.FCFS);
        var params = SamplingParams.builder()
                .maxNewTokens(6)
                .minNewTokens(2)
                .stopTokenIds(java.util.Set.of(5))
                .build();
        scheduler.submit(1, new GenerateRequest("r", Tokens.of(1, 2), params), 0, null);
        var barred = new ArrayList<Tokens>();
        while (!scheduler.isIdle()) {
            StepPlan plan = plan(scheduler);
            barred.add(scheduler.sampling().rows().getFirst().barred());
            scheduler.complete(
                    new StepResult(plan.number(), new int[] {TOKEN}, new ArrayList<>(Collections.nCopies(1, null))));
        }
        var stops = Tokens.of(5, 7, 11);
        assertThat(barred)
                .containsExactly(stops, stops, Tokens.empty(), Tokens.empty(), Tokens.empty(), Tokens.empty());
    }

    @Test
    void historyIsGivenOnceForEachSeatAndOnlyWherePenaltiesNeedIt() {
        var scheduler = scheduler(Limits.of(100, 1, 2, 64), Policy.FCFS);
        var params = SamplingParams.builder().maxNewTokens(3).presencePenalty(1);
        scheduler.submit(1, new GenerateRequest("a", Tokens.of(1, 2), params.build()), 0, null);
        scheduler.submit(2, new GenerateRequest("b", Tokens.of(3, 4), upTo(3)), 0, null);
        var histories = new ArrayList<Tokens>();
        while (!scheduler.isIdle()) {
            StepPlan plan = plan(scheduler);
            scheduler.sampling().rows().stream()
                    .map(SamplingBatch.Row::history)
                    .filter(java.util.Objects::nonNull)
                    .forEach(histories::add);
            scheduler.complete(new StepResult(
                    plan.number(), new int[] {TOKEN, TOKEN}, new ArrayList<>(Collections.nCopies(2, null))));
        }
        assertThat(histories).containsExactly(Tokens.of(1, 2));
    }

    @Test
    void aShortageRetractsThoseThatHaveGeneratedLeastAndTheyGoFirstAfterwards() {
        // Each expects 3.5% of its output, so more are admitted than can finish together.
        var strategy = new Strategy(Policy.FCFS, 0.05, true, StepShape.MIXED, 0);
        var cases = IntStream.range(0, 4)
                .mapToObj(id -> new Case(id, aCase(id, new int[] {40 + id}, 30).request(), id, false, 3 * id, -1))
                .toList();
        var run = new Simulation(Limits.of(60, 1, 4, 64), strategy, 1, 0).run(cases);
        run.checkAnswers(cases);
        assertThat(run.scheduler.load(0).retractions()).isPositive();
        var retraction = run.facts.stream()
                .map(StepFacts::retraction)
                .filter(r -> r.sequences() > 0)
                .findFirst()
                .orElseThrow();
        assertThat(retraction.gainedTokens()).isPositive();
        assertThat(retraction.ratioAfter()).isGreaterThan(retraction.ratioBefore());
        assertThat(run.ends.get(0L)).isInstanceOf(Emission.Done.class);
        var reopened = run.plans.stream().flatMap(p -> admitted(p).stream()).toList();
        assertThat(reopened)
                .as("the latest had generated least")
                .hasSizeGreaterThan(4)
                .startsWith(0L, 1L, 2L, 3L)
                .endsWith(3L);
    }

    @Test
    void cancellingEndsARequestOnceWhereverItIs() {
        var scheduler = scheduler(new Limits(100, 1, 1, 64, 4, 64, 9), Policy.FCFS);
        scheduler.submit(1, request(10, 5), 0, null);
        scheduler.submit(2, request(4, 5), 0, null);
        assertThat(scheduler.cancel(2).orElseThrow().reason()).isEqualTo(FinishReason.ABORT); // waiting
        plan(scheduler);
        scheduler.sampling();
        assertThat(scheduler.cancel(1)).isPresent(); // its prompt half computed, and in flight
        assertThat(scheduler.cancel(1)).isEmpty();
        assertThat(scheduler.isIdle()).isTrue();
        scheduler.checkInvariants();
        assertThat(scheduler.complete(new StepResult(0, new int[0], List.of()))).isEmpty();
        assertThat(scheduler.load(0).abortedRequests()).isEqualTo(2);
        assertThat(plan(scheduler).isEmpty()).isTrue();
    }

    @Test
    void whatWasCachedByOneIsCountedForTheNext() {
        var scheduler = scheduler(Limits.of(100, 1, 4, 64), Policy.FCFS);
        var heard = new ArrayList<Emission>();
        scheduler.submit(1, request(20, 3), 0, null);
        while (!scheduler.isIdle()) {
            step(scheduler, heard);
        }
        scheduler.submit(2, request(20, 3), 0, null);
        step(scheduler, heard);
        StepFacts facts = scheduler.facts();
        assertThat(facts.newSequences()).isEqualTo(1);
        assertThat(facts.cachedTokens()).isEqualTo(19);
        assertThat(facts.promptTokens()).isEqualTo(1);
        assertThat(facts.usedTokens()).isEqualTo(20);
        assertThat(scheduler.flush()).as("flush while a request is open").isFalse();
        while (!scheduler.isIdle()) {
            step(scheduler, heard);
        }
        assertThat(heard.getLast()).isEqualTo(new Emission.Done(2, FinishReason.LENGTH, null, 20, 19, 3));
        assertThat(scheduler.load(0).cachedPromptTokens()).isEqualTo(19);
        assertThat(scheduler.flush()).isTrue();
        assertThat(scheduler.load(0).cachedTokens()).isZero();
    }

    @Test
    void answersThatWereGeneratedAreCachedForTheNextTurn() {
        var scheduler = scheduler(Limits.of(100, 1, 4, 64), Policy.FCFS);
        scheduler.submit(1, aCase(1, new int[] {1, 2}, 4).request(), 0, null);
        while (!scheduler.isIdle()) {
            step(scheduler, new ArrayList<>());
        }
        scheduler.submit(
                2, aCase(2, new int[] {1, 2, TOKEN, TOKEN, TOKEN, TOKEN, 9}, 4).request(), 0, null);
        plan(scheduler);
        assertThat(scheduler.facts().cachedTokens()).isEqualTo(5); // the last token was never an input
    }

    @Test
    void aLaterRequestReadsWhatAnUnfinishedOneHasComputed() {
        var limits = new Limits(1000, 1, 4, 200, 16, 64, 9);
        int[] prompt = IntStream.range(0, 100).toArray();
        int[] other = Stream.of(Arrays.copyOf(prompt, 30), new int[] {7, 7, 7})
                .flatMapToInt(Arrays::stream)
                .toArray();
        var cases = List.of(aCase(0, prompt, 4), new Case(1, aCase(1, other, 4).request(), 1, false, 1, -1));
        var run = new Simulation(limits, Strategy.standard(), 1, 0).run(cases);
        run.checkAnswers(cases);
        assertThat(run.computed()).isEqualTo(103);
        assertThat(((Emission.Done) run.ends.get(1L)).cachedTokens()).isEqualTo(30);
    }

    @Test
    void aPausePlansNothingAndKeepsRetractsOrEndsWhatIsOpen() {
        for (Pause how : Pause.values()) {
            var scheduler = scheduler(Limits.of(100, 1, 4, 64), Policy.FCFS);
            var heard = new ArrayList<Emission>();
            scheduler.submit(1, request(10, 5), 0, null);
            step(scheduler, heard);
            scheduler.submit(2, request(4, 5, 1), 0, null);
            var ends = scheduler.pause(how);
            assertThat(ends).hasSize(how == Pause.ABORT ? 2 : 0);
            assertThat(step(scheduler, heard).isEmpty()).isTrue();
            assertThat(scheduler.load(0).runningRequests()).isEqualTo(how == Pause.IN_PLACE ? 1 : 0);
            scheduler.resume();
            while (!scheduler.isIdle()) {
                step(scheduler, heard);
            }
            assertThat(heard).filteredOn(e -> e instanceof Emission.Token).hasSize(how == Pause.ABORT ? 1 : 10);
        }
    }

    @Test
    void heldBackRequestsAreAdmittedTogetherAsSoonAsTheirPrefixIsComputed() {
        for (Policy policy : Policy.values()) {
            var scheduler = scheduler(new Limits(1000, 1, 16, 200, 16, 64, 99), policy);
            for (int id = 0; id < 5; id++) {
                int last = 1000 + id;
                int[] prompt =
                        IntStream.range(0, 33).map(i -> i < 32 ? i : last).toArray();
                scheduler.submit(id, aCase(id, prompt, 9).request(), 0, null);
            }
            var heard = new ArrayList<Emission>();
            assertThat(admitted(step(scheduler, heard)))
                    .as("%s, first chunk", policy)
                    .hasSize(1);
            assertThat(admitted(step(scheduler, heard)))
                    .as("%s, second chunk", policy)
                    .isEmpty();
            assertThat(admitted(step(scheduler, heard)))
                    .as("%s, then the others", policy)
                    .hasSize(4);
        }
    }

    @Test
    void saltsShareNothingAndHoldNobodyBack() {
        var scheduler = scheduler(Limits.of(1000, 1, 4, 64), Policy.FCFS);
        for (int id = 0; id < 3; id++) {
            var request = new GenerateRequest("r" + id, Tokens.of(1, 2, 3, 4, 5), upTo(3), 0, "salt " + id % 2);
            scheduler.submit(id, request, 0, null);
        }
        assertThat(admitted(step(scheduler, new ArrayList<>()))).containsExactly(0L, 1L);
        assertThat(scheduler.facts().cachedTokens()).isZero();
        assertThat(admitted(step(scheduler, new ArrayList<>()))).containsExactly(2L);
        assertThat(scheduler.facts().cachedTokens()).isEqualTo(4);
    }

    @Test
    void tokensOfOthersNeverTakeThePagesThatAPromptUnderWayStillNeeds() {
        var strategy = new Strategy(Policy.FCFS, 0.05, true, StepShape.MIXED, 0);
        for (int pages = 50; pages < 60; pages++) {
            var cases = new ArrayList<Case>();
            for (int id = 0; id < 3; id++) {
                cases.add(aCase(id, new int[] {40 + id}, 40));
            }
            cases.add(new Case(3, aCase(3, IntStream.range(0, 40).toArray(), 1).request(), 3, false, 2, -1));
            var limits = new Limits(pages, 1, 4, 64, 1, 64, 99);
            var run = new Simulation(limits, strategy, 1, 0).run(cases);
            run.checkAnswers(cases);
            assertThat(run.scheduler.load(0).retractions()).isPositive();
        }
    }
}
