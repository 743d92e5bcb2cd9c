package espalier.sched;

import static espalier.sched.Steps.plan;
import static espalier.sched.Steps.request;
import static espalier.sched.Steps.scheduler;
import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.RequestRejected;
import org.junit.jupiter.api.Test;

/** Who counts for the limit on the queue: those who have to wait. */
class RoomTest {
    @Test
    void aFullQueueRejectsNewcomers() {
        var scheduler = scheduler(new Limits(100, 1, 1, 64, 64, 64, 2), Policy.FCFS);
        for (int id = 0; id < 3; id++) { // one finds the seat, two wait
            assertThat(scheduler.submit(id, request(4, 4), 0, null)).isEmpty();
        }
        var fourth = scheduler.submit(3, request(4, 4), 0, null).orElseThrow();
        assertThat(fourth.request()).isEqualTo(3);
        assertThat(fourth.cause()).hasMessage("The request queue is full.");
        assertThat(((RequestRejected) fourth.cause()).code()).isEqualTo(RequestRejected.Code.OVERLOADED);
        plan(scheduler); // the first runs now, and two wait still
        assertThat(scheduler.submit(4, request(4, 4), 0, null)).isPresent();
        scheduler.cancel(1);
        assertThat(scheduler.submit(5, request(4, 4), 0, null)).isEmpty();
    }

    @Test
    void whoeverFindsASeatDoesNotCountForTheQueue() {
        var scheduler = scheduler(new Limits(1000, 1, 4, 64, 64, 64, 8), Policy.FCFS);
        scheduler.submit(0, request(4, 4), 0, null);
        plan(scheduler); // while this step runs, the others come
        assertThat(accepted(scheduler, 1, 200))
                .as("three seats and eight places")
                .isEqualTo(3 + 8);
        plan(scheduler);
        assertThat(accepted(scheduler, 200, 400)).isZero();
    }

    @Test
    void aSeatWithoutMemoryForItIsNone() {
        var scheduler = scheduler(new Limits(20, 1, 4, 64, 64, 64, 1), Policy.FCFS);
        // Each is charged for its prompt, its answer and a page: 9 of 20 tokens.
        assertThat(accepted(scheduler, 0, 10)).as("two that fit, and one place").isEqualTo(2 + 1);
    }

    @Test
    void nobodyIsSeatedDuringAPause() {
        var scheduler = scheduler(new Limits(1000, 1, 4, 64, 64, 64, 8), Policy.FCFS);
        scheduler.pause(Pause.IN_PLACE);
        assertThat(accepted(scheduler, 0, 100)).isEqualTo(8);
    }

    @Test
    void whoIsCancelledBeforeAPlanLeavesItsRoomToOthers() {
        var scheduler = scheduler(new Limits(20, 1, 4, 64, 64, 64, 1), Policy.FCFS);
        scheduler.submit(100, request(10, 9), 0, null); // charged for all there is
        scheduler.cancel(100);
        assertThat(accepted(scheduler, 0, 10)).as("two that fit, and one place").isEqualTo(2 + 1);
        for (int id = 0; id < 3; id++) {
            scheduler.cancel(id);
        }
        int large = 0;
        for (int id = 10; id < 20; id++) {
            large += scheduler.submit(id, request(10, 9), 0, null).isEmpty() ? 1 : 0;
        }
        assertThat(large).as("one that fits, and one place").isEqualTo(1 + 1);
    }

    private static int accepted(Scheduler scheduler, int from, int to) {
        int accepted = 0;
        for (int id = from; id < to; id++) {
            accepted += scheduler.submit(id, request(4, 4), 0, null).isEmpty() ? 1 : 0;
        }
        return accepted;
    }
}
