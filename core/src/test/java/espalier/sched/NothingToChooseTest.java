package espalier.sched;

import static espalier.sched.Steps.TOKEN;
import static espalier.sched.Steps.aCase;
import static espalier.sched.Steps.plan;
import static espalier.sched.Steps.request;
import static espalier.sched.Steps.scheduler;
import static espalier.sched.Steps.step;
import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.Emission.FinishReason;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What becomes of a sequence none of whose logits is a number, and of what it has computed. */
class NothingToChooseTest {
    @Test
    void aRequestForWhichNothingCanBeChosenFailsAndLeavesNothingBehind() {
        var scheduler = scheduler(Limits.of(100, 4, 2, 64), Policy.FCFS);
        scheduler.submit(1, request(4, 4), 0, null);
        StepPlan plan = plan(scheduler);
        assertThat(scheduler.sampling().rows()).hasSize(1);
        List<Emission> heard =
                scheduler.complete(new StepResult(plan.number(), new int[] {-1}, Collections.singletonList(null)));
        assertThat(((Emission.Failed) heard.getFirst()).cause())
                .hasMessageStartingWith("no token could be chosen after 0: every id was forbidden");
        assertThat(heard).hasSize(1);
        assertThat(scheduler.isIdle()).isTrue();
        scheduler.checkInvariants();
    }

    @Test
    void whatASequenceWithoutALogitThatIsANumberHasComputedIsNotShared() {
        var scheduler = scheduler(new Limits(200, 1, 4, 64, 8, 64, 9), Policy.FCFS);
        var heard = new ArrayList<Emission>();
        scheduler.submit(1, request(20, 4), 0, null); // three chunks, each in the tree once it is planned
        for (int i = 0; i < 3; i++) {
            step(scheduler, heard);
        }
        assertThat(heard).as("the first choice").hasSize(1);
        scheduler.submit(2, aCase(2, IntStream.range(0, 18).toArray(), 4).request(), 0, null);
        nothingIn(scheduler);
        assertThat(scheduler.facts().cachedTokens()).as("read by the second").isEqualTo(17);
        assertThat(scheduler.isIdle()).isTrue();
        assertThat(scheduler.load(0).cachedTokens()).isZero();
        scheduler.submit(3, request(20, 4), 0, null);
        step(scheduler, heard);
        assertThat(scheduler.facts().cachedTokens()).isZero();
    }

    @Test
    void whatOthersStillReadOutlivesOneWithoutALogitThatIsANumber() {
        var scheduler = scheduler(Limits.of(200, 1, 4, 64), Policy.FCFS);
        scheduler.submit(1, request(20, 9), 0, null);
        step(scheduler, new ArrayList<>());
        scheduler.submit(2, aCase(2, IntStream.range(0, 30).toArray(), 9).request(), 0, null);
        StepPlan both = plan(scheduler);
        assertThat(scheduler.facts().cachedTokens()).isEqualTo(20);
        List<Emission> heard = scheduler.complete(
                new StepResult(both.number(), new int[] {TOKEN, -1}, new ArrayList<>(Collections.nCopies(2, null))));
        scheduler.checkInvariants();
        assertThat(heard.getLast()).isInstanceOf(Emission.Failed.class);
        while (!scheduler.isIdle()) {
            step(scheduler, heard);
        }
        assertThat(heard.getLast()).isEqualTo(new Emission.Done(1, FinishReason.LENGTH, null, 20, 0, 9));
        assertThat(scheduler.load(0).cachedTokens()).as("of the first alone").isEqualTo(28);
    }

    /** Plans a step in which no logit is a number. */
    private static void nothingIn(Scheduler scheduler) {
        StepPlan plan = plan(scheduler);
        int rows = scheduler.sampling().rows().size();
        int[] tokens = new int[rows];
        Arrays.fill(tokens, -1);
        scheduler.complete(new StepResult(plan.number(), tokens, new ArrayList<>(Collections.nCopies(rows, null))));
        scheduler.checkInvariants();
    }
}
