package espalier.sched;

import static espalier.sched.Steps.aCase;
import static espalier.sched.Steps.admissions;
import static espalier.sched.Steps.admitted;
import static espalier.sched.Steps.plan;
import static espalier.sched.Steps.request;
import static espalier.sched.Steps.scheduler;
import static espalier.sched.Steps.step;
import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who goes first, under each policy. */
class SchedulerPolicyTest {

    @Test
    void underPriorityAFullQueueGivesUpItsLeast() {
        var scheduler = scheduler(new Limits(100, 1, 1, 64, 64, 64, 2), Policy.PRIORITY);
        scheduler.submit(0, request(4, 4, 9), 0, null); // finds the seat
        scheduler.submit(1, request(4, 4, 5), 0, null);
        scheduler.submit(2, request(4, 4, 1), 0, null);
        assertThat(scheduler.submit(3, request(4, 4, 1), 0, null).orElseThrow().request())
                .isEqualTo(3);
        var displaced = scheduler.submit(4, request(4, 4, 2), 0, null).orElseThrow();
        assertThat(displaced.request()).isEqualTo(2);
        assertThat(displaced.cause()).hasMessage("The request is aborted by a higher priority request.");
        assertThat(admitted(plan(scheduler))).containsExactly(0L);
    }

    @Test
    void greaterPrioritiesGoFirstAndTakeSeatsFromMuchLowerOnes() {
        var scheduler = scheduler(Limits.of(100, 1, 2, 64), Policy.PRIORITY);
        var heard = new ArrayList<Emission>();
        scheduler.submit(1, request(4, 30, 0), 0, null);
        scheduler.submit(2, request(4, 30, 5), 0, null);
        assertThat(admitted(step(scheduler, heard))).containsExactly(2L, 1L);
        scheduler.submit(3, request(4, 30, 10), 0, null); // not by more than ten: it waits
        assertThat(admitted(step(scheduler, heard))).isEmpty();
        scheduler.submit(4, request(4, 30, 11), 0, null);
        assertThat(admitted(step(scheduler, heard))).containsExactly(4L);
        while (!scheduler.isIdle()) {
            step(scheduler, heard);
        }
        assertThat(heard.stream().filter(e -> e instanceof Emission.Done).map(Emission::request))
                .containsExactlyInAnyOrder(1L, 2L, 3L, 4L);
        assertThat(scheduler.load(0).retractions()).isEqualTo(1);
    }

    @Test
    void lofAdmitsTheLongestOutputFirst() {
        var scheduler = scheduler(Limits.of(1000, 1, 1, 64), Policy.LOF);
        int[] lengths = {3, 9, 5};
        for (int id = 0; id < 3; id++) {
            scheduler.submit(id, aCase(id, new int[] {id}, lengths[id]).request(), 0, null);
        }
        assertThat(admissions(scheduler)).containsExactly(1L, 2L, 0L);
    }

    @Test
    void lpmAdmitsTheLongestCachedPrefixFirst() {
        var scheduler = scheduler(Limits.of(1000, 1, 1, 64), Policy.LPM);
        scheduler.submit(9, aCase(9, IntStream.range(0, 20).toArray(), 1).request(), 0, null);
        admissions(scheduler);
        int[] shared = {0, 12, 5};
        for (int id = 0; id < 3; id++) {
            int own = 100 * (id + 1);
            int common = shared[id];
            int[] prompt =
                    IntStream.range(0, 20).map(i -> i < common ? i : own + i).toArray();
            scheduler.submit(id, aCase(id, prompt, 1).request(), 0, null);
        }
        assertThat(admissions(scheduler)).containsExactly(1L, 2L, 0L);
    }

    @Test
    void dfsWeightFinishesTheHeaviestBranchFirst() {
        var scheduler = scheduler(Limits.of(1000, 1, 6, 64), Policy.DFS_WEIGHT);
        scheduler.submit(7, aCase(7, new int[] {1, 2, 3, 4}, 1).request(), 0, null);
        scheduler.submit(8, aCase(8, new int[] {5, 6, 7, 8}, 1).request(), 0, null);
        scheduler.submit(9, aCase(9, new int[] {5, 6, 9, 9}, 1).request(), 0, null);
        admissions(scheduler);
        int[][] prompts = {{1, 2, 20}, {5, 6, 30}, {1, 2, 3, 21}, {5, 6, 31}, {5, 6, 7, 32}, {99, 98}};
        for (int id = 0; id < prompts.length; id++) {
            scheduler.submit(id, aCase(id, prompts[id], 1).request(), 0, null);
        }
        // Three want the branch of 5, the deeper of them first; then two that of 1; then what has no branch.
        assertThat(admissions(scheduler)).containsExactly(4L, 1L, 3L, 0L, 2L, 5L);
    }

    @Test
    void randomIsRepeatableAndNotTheOrderOfArrival() {
        var orders = new ArrayList<List<Long>>();
        for (int run = 0; run < 2; run++) {
            var scheduler = scheduler(Limits.of(1000, 1, 1, 64), Policy.RANDOM);
            for (int id = 0; id < 12; id++) {
                scheduler.submit(id, aCase(id, new int[] {id}, 1).request(), 0, null);
            }
            orders.add(admissions(scheduler));
        }
        assertThat(orders.get(0))
                .isEqualTo(orders.get(1))
                .isNotEqualTo(orders.get(0).stream().sorted().toList());
    }

    @Test
    void theRatioOfExpectedOutputFallsToAFloorAndRisesWithARetraction() {
        var ratio = new NewTokenRatio(1);
        assertThat(ratio.value()).isEqualTo(0.7);
        for (int i = 0; i < 300; i++) {
            ratio.decodeStepPassed();
        }
        assertThat(ratio.value()).isCloseTo(0.7 * 0.57, org.assertj.core.data.Offset.offset(1e-9));
        for (int i = 0; i < 400; i++) {
            ratio.decodeStepPassed();
        }
        assertThat(ratio.value()).isCloseTo(0.098, org.assertj.core.data.Offset.offset(1e-9));
        ratio.retracted(100, 399, 5);
        assertThat(ratio.value()).isEqualTo(0.5);
        ratio.reset();
        assertThat(ratio.value()).isEqualTo(0.7);
        assertThat(new NewTokenRatio(9).value()).isEqualTo(1);
    }

    @Test
    void policiesAreNamedAsTheCommandLineNamesThem() {
        assertThat(Arrays.stream(Policy.values()).map(Policy::flag))
                .containsExactly("fcfs", "lpm", "dfs-weight", "lof", "random", "priority");
    }
}
