package espalier.cuda.cases;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.kernel.PagedAttention.Mix;
import espalier.cuda.sim.SimulatedDriver;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What runs on a GPU is rehearsed here, at sizes that the simulator can do. */
class AttentionTimingTest {

    @Test
    void decodeIsCheckedAndTimed() {
        rehearse(new AttentionTiming(
                "decode", AttentionCases.bf16(8, 2, 128), 16, 1, Mix.DECODE, new int[] {1, 1}, new int[] {40, 21}));
    }

    @Test
    void prefillIsCheckedAndTimed() {
        rehearse(new AttentionTiming(
                "prefill", AttentionCases.bf16(8, 2, 128), 1, 1, Mix.PREFILL, new int[] {9, 2}, new int[] {30, 2}));
    }

    @Test
    void sharedPrefixesAreCheckedAndTimed() {
        for (AttentionTiming.Reading reading : AttentionTiming.Reading.values()) {
            rehearse(new AttentionTiming(
                    "shared",
                    AttentionCases.bf16(8, 2, 128),
                    1,
                    1,
                    Mix.DECODE,
                    new int[] {1, 1, 1, 1},
                    new int[] {40, 41, 36, 37},
                    new AttentionTiming.Sharing(2, 30, reading)));
        }
    }

    private static void rehearse(AttentionTiming timing) {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(SimulatedDriver.Setup.of("90a"));
        if (driver.isEmpty()) {
            return;
        }
        try (SimulatedDriver device = driver.get();
                var bench = new Workbench(device)) {
            timing.time(bench);
            device.expectNoFindings();
            assertThat(bench.timings())
                    .singleElement()
                    .satisfies(t -> assertThat(t.bytes()).isPositive());
        }
    }
}
