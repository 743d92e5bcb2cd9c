package espalier.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import java.util.HashSet;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OptionReaderTest {

    @Test
    void everyFlagHasAHelpAndANameOfItsOwn() {
        var names = new HashSet<String>();
        for (var flag : OptionReader.flags(Options.class)) {
            assertThat(flag.flag().help()).as(flag.name()).endsWith(".");
            for (String name : flag.flag().value()) {
                assertThat(name).startsWith("--");
                assertThat(names.add(name)).as("%s is used twice", name).isTrue();
            }
        }
    }

    @Test
    void defaultsAreThoseOfSglang() {
        Options options = Options.defaults();
        assertThat(options.server().host()).isEqualTo("127.0.0.1");
        assertThat(options.server().port()).isEqualTo(30000);
        assertThat(options.schedule().schedulePolicy()).isEqualTo("fcfs");
        assertThat(options.schedule().maxPrefillTokens()).isEqualTo(16384);
        assertThat(options.cache().pageSize()).isEqualTo(1);
        assertThat(options.schedule().maxRunningRequests()).isNull();
    }

    @Test
    void typedValuesReplaceDefaults() {
        var typed = Map.of("--port", "8080", "--disable-radix-cache", "true", "--dtype", "float32");
        Options options = OptionReader.read(Options.class, typed::get);
        assertThat(options.server().port()).isEqualTo(8080);
        assertThat(options.cache().disableRadixCache()).isTrue();
        assertThat(options.model().dtype()).isEqualTo(Options.Arithmetic.FLOAT32);
    }

    @Test
    void aValueOfTheWrongKindNamesFlagAndValue() {
        assertThatThrownBy(() -> OptionReader.read(Options.class, Map.of("--port", "many")::get))
                .isInstanceOf(RequestRejected.class)
                .hasMessage("--port takes a whole number, got 'many'");
        assertThatThrownBy(() -> OptionReader.read(Options.class, Map.of("--port", "99999999999")::get))
                .hasMessage("--port takes a whole number of 32 bits, got '99999999999'");
        assertThatThrownBy(() -> OptionReader.read(Options.class, Map.of("--decode-pace", "fast")::get))
                .hasMessage("--decode-pace takes a number, got 'fast'");
        assertThatThrownBy(() -> OptionReader.read(Options.class, Map.of("--dtype", "fp8")::get))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("--dtype takes one of auto, float32");
    }

    @Test
    void theFlatMapHidesSecrets() {
        var typed = Map.of("--api-key", "secret", "--hf-token", "hf_x", "--model-path", "org/name");
        var flat = OptionReader.flat(OptionReader.read(Options.class, typed::get));
        assertThat(flat).containsEntry("api_key", "***").containsEntry("hf_token", "***");
        assertThat(OptionReader.read(Options.class, typed::get).toString())
                .doesNotContain("secret", "hf_x")
                .contains("org/name");
        assertThat(flat).containsEntry("model_path", "org/name").containsEntry("tp_size", 1);
    }
}
