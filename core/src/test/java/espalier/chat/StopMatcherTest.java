package espalier.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopMatcherTest {

    @Test
    void textBeforeTheStopIsShownHoweverThePiecesFall() {
        for (int seed = 0; seed < 5_000; seed++) {
            var random = new Random(seed);
            String text = letters(random, 30);
            List<String> stops = new ArrayList<>();
            for (int i = random.nextInt(3); i >= 0; i--) {
                stops.add(letters(random, 1 + random.nextInt(4)));
            }
            var matcher = new StopMatcher(stops);
            var shown = new StringBuilder();
            for (int at = 0; at < text.length() && matcher.matched() == null; ) {
                int end = Math.min(text.length(), at + 1 + random.nextInt(5));
                shown.append(matcher.append(text.substring(at, end)));
                at = end;
            }
            if (matcher.matched() == null) {
                shown.append(matcher.finish());
            }
            assertThat(shown.toString())
                    .as("seed %d, text %s, stops %s", seed, text, stops)
                    .isEqualTo(expected(text, stops));
        }
    }

    @Test
    void whatCannotBeginAStopIsNotHeldBack() {
        var matcher = new StopMatcher(List.of("</end>"));
        assertThat(matcher.append("a < b")).isEqualTo("a < b");
        assertThat(matcher.append(" <")).isEqualTo(" ");
        assertThat(matcher.append("/e")).isEmpty();
        assertThat(matcher.append("x")).isEqualTo("</ex");
    }

    @Test
    void theStopThatIsCompleteFirstWins() {
        var matcher = new StopMatcher(List.of("abcd", "bc"));
        assertThat(matcher.append("xabcd")).isEqualTo("xa");
        assertThat(matcher.matched()).isEqualTo("bc");
    }

    private static String expected(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            String longest = "";
            for (String stop : stops) {
                if (text.substring(0, end).endsWith(stop) && stop.length() > longest.length()) {
                    longest = stop;
                }
            }
            if (!longest.isEmpty()) {
                return text.substring(0, end - longest.length());
            }
        }
        return text;
    }

    private static String letters(Random random, int count) {
        var text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append((char) ('a' + random.nextInt(3)));
        }
        return text.toString();
    }
}
