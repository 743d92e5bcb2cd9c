package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.config.Resolver;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a GPU never does is refused by its flag alone, on a machine that has none, with no model. */
class CudaProviderTest {
    @ParameterizedTest
    @CsvSource({
        "--tp-size, 2, --tp-size 2: a model is served by one GPU",
        "--kv-cache-dtype, int8, '--kv-cache-dtype int8: a CUDA device keeps keys and values in what it computes in, here bf16'",
        "--kv-cache-dtype, fp8, --kv-cache-dtype fp8_e4m3: a CUDA device",
        "--dtype, float32, --dtype float32: a CUDA device computes in bfloat16 or float16",
        "--quantization, int4, --quantization: the products of a CUDA device read weights of 16 bits"
    })
    void theFlagIsNamedWithTheWayOut(String flag, String value, String message) {
        assertThatThrownBy(() -> require(Map.of(flag, value)))
                .isInstanceOf(RequestRejected.class)
                .hasMessageStartingWith(message)
                .hasMessageContaining("--device cpu");
    }

    @Test
    void theTypeThatIsComputedInIsServed() {
        assertThatCode(() -> require(Map.of("--kv-cache-dtype", "bf16", "--tp-size", "1")))
                .doesNotThrowAnyException();
        assertThatCode(() -> require(Map.of("--dtype", "float16"))).doesNotThrowAnyException();
        assertThatThrownBy(() -> require(Map.of("--dtype", "float16", "--kv-cache-dtype", "bf16")))
                .hasMessageContainingAll("--kv-cache-dtype bf16", "here float16");
    }

    @Test
    void aGpuIsGivenUpWhenTheWatchdogSaysSo() {
        var options = OptionReader.read(Options.class, Map.of("--watchdog-timeout", "1000")::get);
        assertThat(CudaProvider.driver(Resolver.device(options)).patience()).isEqualTo(Duration.ofSeconds(1000));
    }

    private static void require(Map<String, String> flags) {
        new CudaProvider().require(Resolver.demand(OptionReader.read(Options.class, flags::get)));
    }
}
