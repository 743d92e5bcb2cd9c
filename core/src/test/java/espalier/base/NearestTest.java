package espalier.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {
    @Test
    void offersTheNearestAndNothingThatIsFarAway() {
        List<String> flags = List.of("--model-path", "--model", "--port", "--host");
        assertThat(Nearest.to("--modle-path", flags)).contains("--model-path");
        assertThat(Nearest.to("--PORT", flags)).contains("--port");
        assertThat(Nearest.to("--prt", flags)).contains("--port");
        assertThat(Nearest.to("--tokenizer-mode", flags)).isEmpty();
        assertThat(Nearest.hint("--hots", flags)).isEqualTo("; did you mean '--host'?");
        assertThat(Nearest.hint("x", List.of())).isEmpty();
    }
}
