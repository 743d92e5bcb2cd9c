package espalier.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import espalier.exec.StepTrace.Span;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StepTraceTest {
    private final StepTrace trace = new StepTrace();

    private void run(long step, long begin, long end, int promptTokens) {
        trace.add(
                new Span(StepTrace.device(0), StepTrace.RUN, step, begin, end, Map.of("prompt tokens", promptTokens)));
    }

    @Test
    void whatPassesBetweenDecodingStepsIsIdle() {
        run(0, 0, 100, 8); // a prompt: neither it nor the step after it counts
        run(1, 150, 200, 0);
        run(2, 210, 300, 0);
        run(3, 300, 400, 0);
        run(5, 900, 1000, 0); // not the next one
        assertThat(trace.decodeBusyShare()).isCloseTo(190 / 200.0, within(1e-9));
    }

    @Test
    void aStepThatBeginsBeforeTheOneBeforeHasEndedIsCountedOnce() {
        run(1, 0, 100, 0);
        run(2, 50, 200, 0);
        assertThat(trace.decodeBusyShare()).isEqualTo(1.0);
    }

    @Test
    void withoutTwoDecodingStepsThereIsNoShare() {
        run(1, 0, 100, 0);
        run(2, 100, 200, 1);
        assertThat(trace.decodeBusyShare()).isNaN();
    }

    @Test
    void aShareIsOfTheWholeTimeAndTheMeanOverTheLanes() {
        trace.add(new Span(StepTrace.SCHEDULER, "plan", 0, 100, 150, Map.of()));
        trace.add(new Span(StepTrace.device(0), StepTrace.PASS, 0, 150, 450, Map.of()));
        trace.add(new Span(StepTrace.device(1), StepTrace.PASS, 0, 150, 350, Map.of()));
        trace.add(new Span(StepTrace.device(0), StepTrace.CHOOSE, 0, 450, 500, Map.of()));
        trace.add(new Span(StepTrace.SCHEDULER, "wait", 0, 200, 600, Map.of()));
        assertThat(trace.share(StepTrace.DEVICES, StepTrace.PASS)).isCloseTo(0.5, within(1e-9));
        assertThat(trace.share(StepTrace.DEVICES, StepTrace.PASS, StepTrace.CHOOSE))
                .isCloseTo(0.55, within(1e-9));
        assertThat(trace.share(StepTrace.SCHEDULER, "plan")).isCloseTo(0.1, within(1e-9));
        assertThat(trace.share("rank", "stage")).isNaN();
    }
}
