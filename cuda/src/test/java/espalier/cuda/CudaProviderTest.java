package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.config.Resolver;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Libraries;
import espalier.cuda.driver.Nvrtc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
    void aMachineWithoutGpuOrCompilerSaysWhichIsMissing() {
        var none = new EngineFault(EngineFault.Code.RESOURCE, "no NVIDIA driver is installed");
        Libraries nothing = Libraries.in(List.of());
        assertSays(
                "no NVIDIA driver is installed",
                () -> {
                    throw none;
                },
                nothing);
        assertSays("Old has compute capability 6.1; 7.5 or later is wanted", () -> List.of(gpu("Old", 6, 1)), nothing);
        assertSays(Nvrtc.HOW_TO_GET, () -> List.of(gpu("New", 9, 0)), nothing);
    }

    /** A choice among devices passes over this one. */
    @Test
    void librariesThatCannotBeOpenedAreNamed(@TempDir Path folder) throws IOException {
        Files.createFile(folder.resolve("libnvrtc.so.13")); // of no bytes
        Files.createFile(folder.resolve("libcublasLt.so.13"));
        var provider = new CudaProvider(() -> List.of(gpu("New", 9, 0)), () -> Libraries.in(List.of(folder)));
        assertThat(provider.missing()).startsWith("cannot open " + folder.resolve("libnvrtc.so.13"));
        assertThat(provider.findings())
                .anyMatch(line -> line.contains("GPU 0: New, compute capability 9.0, 81920 MiB"))
                .anyMatch(line -> line.startsWith("NVRTC cannot be used: cannot open "))
                .anyMatch(line -> line.startsWith("cuBLASLt 13, which cannot be used (cannot open "));
    }

    private static void assertSays(String line, Supplier<List<DeviceProperties>> gpus, Libraries libraries) {
        var provider = new CudaProvider(gpus, () -> libraries);
        assertThat(provider.missing()).isEqualTo(line);
        assertThat(provider.findings()).anyMatch(finding -> finding.startsWith("cuBLASLt 12 or 13"));
    }

    private static DeviceProperties gpu(String name, int major, int minor) {
        return new DeviceProperties(0, name, major, minor, 132, 227 << 10, 50 << 20, 80L << 30, 13000);
    }

    @Test
    void aGpuIsGivenUpWhenTheWatchdogSaysSo() {
        var options = OptionReader.read(Options.class, Map.of("--watchdog-timeout", "1000")::get);
        assertThat(new CudaProvider().driver(Resolver.device(options)).patience())
                .isEqualTo(Duration.ofSeconds(1000));
    }

    private static void require(Map<String, String> flags) {
        new CudaProvider().require(Resolver.demand(OptionReader.read(Options.class, flags::get)));
    }
}
