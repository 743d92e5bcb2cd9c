package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What a step leaves on the heap tells what its host code does: reading a kernel's source takes ten times as much. */
class HostTimeTest {
    private static final int STEPS = 100;
    private static final int WARM_STEPS = 2000;

    @Test
    void aStepThatIsLaunchedCallByCallLeavesFewBytesALaunch() {
        HostTimeBench.Cost cost = HostTimeBench.measure(32, 0, 40, STEPS);
        assertThat(cost.launches()).isGreaterThan(300);
        assertThat(cost.bytes() / cost.launches()).as("bytes a launch").isLessThan(4000);
    }

    @Test
    void aRecordedStepIsFourLaunchesWhateverTheModelsDepth() {
        HostTimeBench.Cost cost = HostTimeBench.measure(64, 64, 0, STEPS);
        assertThat(cost.launches()).isLessThan(6);
        assertThat(cost.bytes()).as("bytes a step").isLessThan(50_000);
    }

    /**
     * Some 180 bytes a sequence once the code is compiled: 49 kB, and 47 with the short headers that a server runs with. The
     * rest is for a slow machine, whose compiler comes late.
     */
    @Test
    void aRecordedStepOfManySequencesLeavesLittleMoreThanItsPlanAndItsTokens() {
        HostTimeBench.Cost cost = HostTimeBench.measure(256, 256, 0, WARM_STEPS);
        assertThat(cost.bytes()).as("bytes a step").isLessThan(60_000);
    }
}
