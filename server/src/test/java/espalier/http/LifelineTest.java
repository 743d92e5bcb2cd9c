package espalier.http;

import static espalier.http.Exchange.Cancellation.CLIENT_GONE;
import static espalier.http.Exchange.Cancellation.SHUTDOWN;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LifelineTest {
    private final Lifeline lifeline = new Lifeline();
    private final List<String> ran = new ArrayList<>();

    @Test
    void anActionRunsOnceHoweverOftenTheAnswerIsCancelled() {
        lifeline.onCancel(() -> ran.add("a"));
        lifeline.cancel(SHUTDOWN);
        lifeline.cancel(CLIENT_GONE);
        assertThat(ran).containsExactly("a");
        assertThat(lifeline.cancellation()).isEqualTo(CLIENT_GONE);
    }

    @Test
    void anActionThatComesTooLateRunsAtOnce() {
        lifeline.cancel(CLIENT_GONE);
        lifeline.onCancel(() -> ran.add("late"));
        assertThat(ran).containsExactly("late");
    }

    @Test
    void nothingRunsOnceTheAnswerIsOut() {
        lifeline.onCancel(() -> ran.add("a"));
        lifeline.sent();
        lifeline.cancel(CLIENT_GONE);
        assertThat(ran).isEmpty();
    }

    @Test
    void itIsOverWhenTheEndpointHasReturnedAndNothingIsToBeSent() {
        lifeline.served();
        assertThat(lifeline.isOver()).isFalse();
        lifeline.cancel(SHUTDOWN);
        assertThat(lifeline.isOver()).isFalse();
        lifeline.sent();
        assertThat(lifeline.isOver()).isTrue();
    }
}
