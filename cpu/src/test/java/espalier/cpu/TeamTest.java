package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class TeamTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void everyPartRunsOnceOnALaneOfItsOwn(int lanes) {
        try (var team = new Team("test", lanes)) {
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
                    LockSupport.parkNanos(2_000_000); // long enough for the workers to park
                }
            }
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
}
