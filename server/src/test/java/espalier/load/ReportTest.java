package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.load.Outcome.Counted;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ReportTest {

    @Test
    void whatNoAnswerToldIsUnknownRatherThanZero() {
        Report report = report(answer(null, 5, 6), answer(null, 5, 7));
        assertThat(report.figures()).containsEntry("cached_input_tokens", null).containsEntry("cached_share", null);
        assertThat(printed(report)).containsPattern("(?m)^cached_share +n/a$");
    }

    @Test
    void aZeroThatWasToldIsKnown() {
        assertThat(report(answer(0, 5, 6)).figures())
                .containsEntry("cached_input_tokens", 0L)
                .containsEntry("cached_share", 0.0);
    }

    @Test
    void serversThatLeaveOutTheirZerosAreBelieved() {
        assertThat(report(answer(4, 5, 6), answer(null, 5, 6)).figures())
                .containsEntry("cached_input_tokens", 4L)
                .containsEntry("cached_share", 0.25);
    }

    @Test
    void answersOfOneTokenHaveNoTimeBetweenTokens() {
        Report report = report(answer(0, 5_000_000));
        assertThat(report.figures())
                .containsEntry("mean_ttft_ms", 5.0)
                .containsEntry("mean_tpot_ms", null)
                .containsEntry("p99_itl_ms", null);
        assertThat(printed(report)).doesNotContain("NaN");
    }

    @Test
    void anAnswerWithoutTokensHasNoFirstOne() {
        assertThat(report(answer(0)).figures()).containsEntry("mean_ttft_ms", null);
        assertThat(report(answer(0), answer(0, 5_000_000)).figures()).containsEntry("mean_ttft_ms", 5.0);
    }

    @Test
    void tokensThatWereOnlyGuessedAreSaidToBe() {
        var guessed = new Outcome(8, 1, Counted.BY_EVENTS, null, 0, new long[] {5}, 9, null);
        Report report = report(guessed, answer(0, 5));
        assertThat(report.figures()).containsEntry("answers_counted_by_events", 1L);
        assertThat(printed(report)).contains("each event is taken for a token");
        assertThat(report(answer(0, 5)).figures()).doesNotContainKey("answers_counted_by_events");
    }

    private static Outcome answer(@Nullable Integer cached, long... tokenTimes) {
        return new Outcome(8, tokenTimes.length, Counted.BY_SERVER, cached, 0, tokenTimes, 10_000_000, null);
    }

    private static Report report(Outcome... outcomes) {
        return Report.of("Test", Map.of(), List.of(outcomes), 1_000_000_000);
    }

    private static String printed(Report report) {
        var out = new ByteArrayOutputStream();
        report.print(new PrintStream(out, true, StandardCharsets.UTF_8));
        return out.toString(StandardCharsets.UTF_8);
    }
}
