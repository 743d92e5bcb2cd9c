package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class TeamTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void everyPartRunsOnceOnALaneOfItsOwn(int lanes) {
        String name = "each-of-" + lanes;
        try (var team = new Team(name, lanes)) {
            for (int job = 0; job < 300; job++) {
                int count = job % 40;
                var runs = new AtomicIntegerArray(count);
                var busy = new AtomicIntegerArray(lanes);
                team.run(count, (i, lane) -> {
                    assertThat(busy.incrementAndGet(lane)).isEqualTo(1);
                    runs.incrementAndGet(i);
                    busy.decrementAndGet(lane);
                });
                for (int i = 0; i < count; i++) {
                    assertThat(runs.get(i)).isEqualTo(1);
                }
                if (job % 100 == 99) {
                    awaitParked(name, team);
                }
            }
        }
    }

    /** Half of the parts would wait for their lane, were they dealt out beforehand. */
    @Test
    void aLaneThatIsHeldUpCostsTheOthersOnePart() {
        try (var team = new Team("held", 2)) {
            var others = new CountDownLatch(39);
            var parts = new AtomicIntegerArray(2);
            var held = new AtomicInteger(-1);
            team.run(40, (i, lane) -> {
                parts.incrementAndGet(lane);
                if (i == 0) {
                    held.set(lane);
                    awaitAtMost(others);
                } else {
                    others.countDown();
                }
            });
            assertThat(parts.get(held.get())).isEqualTo(1);
            assertThat(parts.get(1 - held.get())).isEqualTo(39);
        }
    }

    /** An idle server takes no processor time. */
    @Test
    void workersThatHaveNothingToDoParkUntilTheyAreWanted() {
        try (var team = new Team("idle", 3)) {
            awaitParked("idle", team);
            for (int job = 0; job < 20; job++) {
                var all = new CountDownLatch(3);
                var came = new AtomicInteger();
                team.run(3, (i, lane) -> { // no lane can do a second one before every lane has one
                    all.countDown();
                    came.addAndGet(awaitAtMost(all) ? 1 : 0);
                });
                assertThat(came).hasValue(3);
                awaitParked("idle", team);
            }
        }
    }

    /** Ends with the test's time where they do not. */
    private static void awaitParked(String name, Team team) {
        List<Thread> workers = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith(name + "-"))
                .toList();
        assertThat(workers).hasSize(team.lanes() - 1);
        for (Thread worker : workers) {
            while (worker.getState() != Thread.State.WAITING || LockSupport.getBlocker(worker) != team) {
                assertThat(Thread.interrupted()).as("%s does not park", worker).isFalse();
                Thread.yield();
            }
        }
    }

    /** False, not a test that hangs, where it does not come. */
    private static boolean awaitAtMost(CountDownLatch latch) {
        try {
            return latch.await(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Test
    void whatAPartWroteIsSeenByTheCallerWhoeverRanIt() {
        try (var team = new Team("test", 3)) {
            var plain = new int[64];
            for (int job = 1; job < 2000; job++) {
                int mark = job;
                team.run(64, (i, lane) -> plain[i] = mark);
                for (int v : plain) {
                    assertThat(v).isEqualTo(mark);
                }
            }
        }
    }

    @Test
    void aPartThatFailsFailsTheCallAndTheTeamGoesOn() {
        try (var team = new Team("test", 2)) {
            for (int bad : new int[] {0, 5, 9}) {
                assertThatThrownBy(() -> team.run(10, (i, lane) -> {
                            if (i == bad) {
                                throw new IllegalStateException("part " + i);
                            }
                        }))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("part " + bad);
            }
            var sum = new AtomicIntegerArray(1);
            team.run(10, (i, lane) -> sum.addAndGet(0, i));
            assertThat(sum.get(0)).isEqualTo(45);
        }
    }

    private static final Placement TWO_AND_THREE = new Placement(
            5,
            IntStream.range(0, 5)
                    .mapToObj(lane -> new Placement.Home(lane < 2 ? 0 : 1, List.of(lane < 2 ? 0 : 1)))
                    .toList());

    @Test
    void atHomeEveryNodeDoesItsShareItself() {
        try (var team = new Team("test", TWO_AND_THREE, _ -> {})) {
            assertThat(team.nodes()).isEqualTo(2);
            for (int job = 0; job < 200; job++) {
                int count = job % 40;
                var lanes = new AtomicIntegerArray(count);
                team.runAtHome(count, (i, lane) -> lanes.addAndGet(i, 1 + lane));
                for (int i = 0; i < count; i++) {
                    int lane = lanes.get(i) - 1;
                    assertThat(lane < 2 ? 0 : 1).as("part %d of %d", i, count).isEqualTo(i < count * 2 / 5 ? 0 : 1);
                }
            }
        }
    }

    @Test
    void onSeveralNodesEveryPartRunsOnce() {
        try (var team = new Team("test", TWO_AND_THREE, _ -> {})) {
            for (int count : new int[] {0, 1, 2, 3, 4, 50}) {
                var runs = new AtomicIntegerArray(count);
                team.run(count, (i, lane) -> runs.incrementAndGet(i));
                for (int i = 0; i < count; i++) {
                    assertThat(runs.get(i)).isEqualTo(1);
                }
            }
        }
    }

    /** A lane that has nothing to do at home helps the other node. */
    @Test
    void partsAreNotLeftToANodeWhoseLanesAreBusy() {
        try (var team = new Team("test", TWO_AND_THREE, _ -> {})) {
            var helped = new CountDownLatch(1);
            team.run(10, (i, lane) -> {
                if (lane < 2) { // both wait in their first part, while the other node does the rest of theirs
                    await(helped);
                } else if (i < 4) {
                    helped.countDown();
                }
            });
            assertThat(helped.getCount()).isZero();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void lanesAndTheCallerStayOnTheirNodes() {
        var pinned = new ConcurrentHashMap<String, List<Integer>>();
        String caller = Thread.currentThread().getName();
        try (var team = new Team(
                "test",
                TWO_AND_THREE,
                processors -> pinned.put(Thread.currentThread().getName(), processors))) {
            team.runAtHome(5, (i, lane) -> {});
            team.runAtHome(50, (i, lane) -> {}); // all have come by then, since none does another's
            assertThat(pinned).containsEntry(caller, List.of(0));
            assertThat(pinned)
                    .allSatisfy((name, processors) -> assertThat(processors)
                            .isEqualTo(name.equals(caller) || name.equals("test-1") ? List.of(0) : List.of(1)));
        }
        pinned.clear();
        try (var team = new Team("anywhere", Placement.anywhere(3), processors -> pinned.put("", processors))) {
            team.run(50, (i, lane) -> {});
            assertThat(team.nodes()).isEqualTo(1);
        }
        assertThat(pinned).isEmpty();
    }
}
