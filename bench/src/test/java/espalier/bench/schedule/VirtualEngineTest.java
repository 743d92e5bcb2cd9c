package espalier.bench.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.base.Tokens;
import espalier.bench.schedule.VirtualEngine.Delays;
import espalier.engine.StepTimes;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Sharing;
import espalier.sched.Strategy;
import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class VirtualEngineTest {
    private static final StepCost COST = new StepCost(StepCost.points("1:4,101:14,1001:104"), 1e6, 0, 2e6);

    private static Timeline.Figures run(Sharing sharing, int requests, int inFlight) {
        var limits = new Limits(100_000, 1, 256, 4096, 1000, 16_384, Integer.MAX_VALUE);
        var scheduler = new Scheduler(limits, Strategy.standard().withSharing(sharing), Set.of());
        var cost = new StepCost(COST.points(), 30, 1, 3000);
        var device = new VirtualEngine.Device(cost, new Delays(0.1, 0, 1));
        return new VirtualEngine(scheduler, device, new StepTimes(), ChatRequests.of(requests))
                .run(inFlight)
                .figures();
    }

    private static double millis(Chunk... chunks) {
        return COST.millis(new StepPlan(0, List.of(chunks)));
    }

    @Test
    void aStepCostsItsRowsItsContextAndItsChoices() {
        var decode = new Chunk(0, 0, false, 9, new Input.LastSampled(), Tokens.empty(), true);
        assertThat(millis(decode)).isEqualTo(4 + 10 + 2);
        var prompt = new Chunk(1, 1, true, 0, new Input.Prompt(Tokens.of(new int[50])), Tokens.empty(), false);
        assertThat(millis(decode, prompt)).isEqualTo(9 + 10 + 2);
        var beyond = new Chunk(1, 1, true, 0, new Input.Prompt(Tokens.of(new int[2001])), Tokens.empty(), false);
        assertThat(millis(beyond)).isEqualTo(204);
        assertThatThrownBy(() -> new StepCost(StepCost.points("5:1,5:2"), 0, 0, 0))
                .hasMessageContaining("must ascend");
    }

    @Test
    void aLoadEndsTheSameEveryTime() {
        var sharing = new Sharing(200, 32, 3);
        assertThat(run(sharing, 60, 16)).isEqualTo(run(sharing, 60, 16));
    }

    @Test
    void aPaceShortensTheGapsBetweenTokens() {
        assertThat(run(new Sharing(200, 16, 2), 100, 16).gap99())
                .isLessThan(run(Sharing.LONGEST_STEPS, 100, 16).gap99() / 2);
    }

    @Test
    void oneRequestAtOnceWaitsForNobody() {
        var figures = run(Sharing.LONGEST_STEPS, 5, 1);
        assertThat(figures.steps())
                .isEqualTo(figures.promptSteps()
                        + (int) ChatRequests.of(5).stream()
                                .mapToLong(r -> r.sampling().maxNewTokens() - 1L)
                                .sum());
    }
}
