package espalier.sched;

import static espalier.sched.Steps.TOKEN;
import static espalier.sched.Steps.plan;
import static espalier.sched.Steps.upTo;
import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.base.Tokens;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.FakeExecutor;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import espalier.step.TokenRules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Where memory ends while one request is worked on, that one ends; the others have their answers, and no page is lost. */
@Timeout(60)
class SchedulerMemoryTest {
    private static final int REQUESTS = 5;
    private static final Limits LIMITS = new Limits(400, 2, 3, 64, 8, 64, 99);

    /** Refuses one array, or none. */
    private static final class OneRefused implements Ints {
        private final int which;
        private final AtomicInteger calls = new AtomicInteger();

        OneRefused(int which) {
            this.which = which;
        }

        @Override
        public int[] of(int count) {
            if (calls.getAndIncrement() == which) {
                throw new OutOfMemoryError("injected");
            }
            return new int[count];
        }
    }

    private static Scheduler scheduler(Ints ints) {
        return new Scheduler(LIMITS, Strategy.standard(), Set.of(), ints);
    }

    private static GenerateRequest request(int number) {
        int[] prompt = IntStream.range(0, 10 + 3 * number)
                .map(i -> i < 7 ? i : 100 * number + i)
                .toArray();
        return new GenerateRequest("r" + number, Tokens.of(prompt), upTo(9));
    }

    @Test
    void whicheverArrayIsRefusedEndsOneRequestAlone() {
        int refused = 0;
        for (int which = 0; refused == which; which++) {
            var ints = new OneRefused(which);
            Map<Long, Emission> ends = serve(scheduler(ints), null);
            assertThat(ends).as("array %d", which).hasSize(REQUESTS);
            List<Emission> failed = ends.values().stream()
                    .filter(end -> end instanceof Emission.Failed)
                    .toList();
            if (ints.calls.get() > which) {
                refused++;
                assertThat(failed).as("array %d", which).singleElement().satisfies(SchedulerMemoryTest::assertClear);
            } else {
                assertThat(failed).isEmpty();
            }
        }
        assertThat(refused).as("prompts, their pages, and those of answers").isGreaterThan(2 * REQUESTS);
    }

    private static void assertClear(Emission end) {
        assertThat(((Emission.Failed) end).cause())
                .isInstanceOfSatisfying(
                        EngineFault.class, fault -> assertThat(fault.code()).isEqualTo(EngineFault.Code.RESOURCE))
                .hasMessageStartingWith("out of memory while ")
                .hasMessageContaining("(injected); this request is ended, others go on")
                .hasMessageContaining("-Xmx");
    }

    /** Runs all requests to their ends. */
    private static Map<Long, Emission> serve(Scheduler scheduler, @Nullable TokenRules ofTheSecond) {
        var heard = new ArrayList<Emission>();
        for (int i = 0; i < REQUESTS; i++) {
            scheduler.submit(i, request(i), 0, i == 1 ? ofTheSecond : null).ifPresent(heard::add);
        }
        for (int step = 0; !scheduler.isIdle(); step++) {
            assertThat(step).as("is something stuck?").isLessThan(200);
            StepPlan plan = plan(scheduler);
            heard.addAll(scheduler.lost());
            assertThat(scheduler.lost()).as("told once").isEmpty();
            if (!plan.isEmpty()) {
                int rows = scheduler.sampling().rows().size();
                int[] tokens = new int[rows];
                Arrays.fill(tokens, TOKEN);
                heard.addAll(scheduler.complete(
                        new StepResult(plan.number(), tokens, new ArrayList<>(Collections.nCopies(rows, null)))));
            }
            scheduler.checkInvariants();
        }
        var ends = new HashMap<Long, Emission>();
        var generated = new HashMap<Long, Integer>();
        for (Emission each : heard) {
            if (each instanceof Emission.Token token) {
                generated.merge(token.request(), 1, Integer::sum);
            } else {
                assertThat(ends.put(each.request(), each)).as("ended once").isNull();
            }
        }
        ends.forEach((id, end) -> {
            if (end instanceof Emission.Done) {
                assertThat(generated).containsEntry(id, 9);
            }
        });
        return ends;
    }

    @Test
    void rulesWithoutMemoryEndTheirOwnRequest() {
        for (boolean inMask : new boolean[] {true, false}) {
            var calls = new AtomicInteger();
            var rules = new TokenRules() {
                @Override
                public long[] mask() {
                    return inMask ? failing() : new long[] {-1L};
                }

                @Override
                public void accept(int token) {
                    if (!inMask) {
                        var _ = failing();
                    }
                }

                private long[] failing() {
                    if (calls.getAndIncrement() == 2) {
                        throw new OutOfMemoryError("injected");
                    }
                    return new long[] {-1L};
                }
            };
            Map<Long, Emission> ends = serve(scheduler(int[]::new), rules);
            assertThat(ends.get(1L)).isInstanceOf(Emission.Failed.class);
            assertThat(ends.values())
                    .filteredOn(end -> end instanceof Emission.Done)
                    .hasSize(REQUESTS - 1);
        }
    }

    @Test
    void aChoiceWithoutMemoryForItsLogProbabilitiesEndsItsRequest() {
        var scheduler = scheduler(int[]::new);
        scheduler.submit(1, request(1), 0, null);
        StepPlan plan = plan(scheduler);
        while (scheduler.sampling().rows().isEmpty()) {
            scheduler.complete(new StepResult(plan.number(), new int[0], List.of()));
            plan = plan(scheduler);
        }
        List<Emission> heard = scheduler.complete(
                new StepResult(plan.number(), new int[] {StepResult.NO_MEMORY}, Collections.singletonList(null)));
        assertThat(((Emission.Failed) heard.getFirst()).cause()).hasMessageStartingWith("out of memory while ");
        assertThat(scheduler.isIdle()).isTrue();
        scheduler.checkInvariants();
    }

    /** The engine tells whose part of a plan was refused, and goes on, be it alone or not. */
    @Test
    void anEngineOutlivesEveryRefusal() throws InterruptedException {
        for (int which = 0; which < 12; which++) {
            var ints = new OneRefused(which);
            var info = new EngineInfo("fake", 1000, 64, Set.of(), 2, 800, 3);
            try (var engine =
                    LocalEngine.start(scheduler(ints), new FakeExecutor(400, 2, 3, 1000, 1), info, LoopOptions.of(1))) {
                int failed = 0;
                for (int i = 0; i < REQUESTS; i++) {
                    failed += end(engine.submit(request(i))) instanceof Emission.Failed ? 1 : 0;
                }
                assertThat(failed).as("array %d", which).isEqualTo(1);
                assertThat(engine.isHealthy()).isTrue();
                assertThat(engine.load().usedTokens()).isZero();
            }
        }
    }

    private static Emission end(Generation generation) throws InterruptedException {
        Emission next = generation.next();
        while (next instanceof Emission.Token) {
            next = generation.next();
        }
        return next;
    }
}
