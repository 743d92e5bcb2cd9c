package espalier.config;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RangesTest {
    private static final Set<Class<?>> NUMBERS = Set.of(int.class, Integer.class, double.class, Double.class);

    @Test
    void everyNumberHasARangeAndItsDefaultIsInIt() {
        assertThatCode(() -> require(Map.of())).doesNotThrowAnyException();
        for (var flag : OptionReader.flags(Options.class)) {
            if (NUMBERS.contains(flag.type())) {
                assertRefused(flag.name(), "-7", "must be");
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --max-running-requests       | 0      | must be at least 1
            --max-queued-requests        | 0      | must be at least 1
            --page-size                  | 0      | must be at least 1
            --context-length             | -1     | must be at least 2
            --context-length             | 1      | must be at least 2
            --max-total-tokens           | 0      | must be at least 1
            --tp-size                    | 0      | must be at least 1
            --cpu-threads                | 0      | must be at least 1
            --cuda-graph-max-bs          | 0      | must be at least 1
            --max-prefill-tokens         | 0      | must be at least 1
            --mem-fraction-static        | 1.5    | must be greater than 0 and less than 1
            --mem-fraction-static        | 0.0    | must be greater than 0 and less than 1
            --mem-fraction-static        | NaN    | must be greater than 0 and less than 1
            --chunked-prefill-size       | 0      | must be at least 1, or -1 to read each prompt in one step
            --chunked-prefill-size       | -2     | must be at least 1, or -1 to read each prompt in one step
            --decode-pace                | 1.0    | must be greater than 1, or 0 for no limit
            --schedule-conservativeness  | NaN    | must be at least 0
            --port                       | 70000  | must be between 0 and 65535
            --shutdown-timeout           | -1     | must be at least 0
            """)
    void aNumberOutOfItsRangeIsRefusedWithTheRange(String flag, String value, String range) {
        assertRefused(flag, value, range + ", got " + value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--api-key", "--host", "--model-path", "--tokenizer-path", "--served-model-name"})
    void nothingIsNoKeyAndNoName(String flag) {
        assertRefused(flag, "", "is empty");
        assertRefused(flag, " ", "is empty");
    }

    @Test
    void aChunkIsWholePagesAndMayBeSwitchedOff() {
        assertThatThrownBy(() -> require(Map.of("--page-size", "16", "--chunked-prefill-size", "100")))
                .hasMessage("--chunked-prefill-size must be a multiple of --page-size 16, got 100");
        assertThatCode(() -> require(Map.of("--page-size", "16", "--chunked-prefill-size", "-1")))
                .doesNotThrowAnyException();
    }

    @Test
    void optionsThatNobodyTypedHaveTheSameRanges() {
        var usual = Options.defaults();
        var cache = new Options.Cache(null, 0, "auto", 1, false);
        assertThatThrownBy(() -> Ranges.require(
                        new Options(usual.model(), usual.device(), cache, usual.schedule(), usual.server())))
                .isInstanceOf(RequestRejected.class)
                .hasMessage("--max-total-tokens must be at least 1, got 0");
    }

    private static void assertRefused(String flag, String value, String rest) {
        assertThatThrownBy(() -> require(Map.of(flag, value)))
                .as("%s %s", flag, value)
                .isInstanceOf(RequestRejected.class)
                .hasMessageStartingWith(flag + " " + rest);
    }

    private static void require(Map<String, String> typed) {
        Ranges.require(OptionReader.read(Options.class, typed::get));
    }
}
