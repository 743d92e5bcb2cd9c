package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.contract.OpCase;
import espalier.contract.Scene;
import espalier.cuda.sim.SimulatedDriver;
import espalier.tensor.DType;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every op does what the reference does with activations of the same type, but for what is refused in words. */
@Timeout(300)
class CudaContractTest {
    private static final long MEMORY_BYTES = 1L << 30;
    private static final String ROTATING = "rotaryAttention";

    /** What kernels are not made for. Keys and values are of the activations' type. */
    private static final Pattern REFUSED = Pattern.compile("rope 6 of 10 .*"
            + "|(?!.* 0x)(matmul|matmul of stacked|embed|\\w*[mM]atmul) I?(Q|NT)\\d\\w+.*"
            + "|attention \\w+ headDim (1|6|24) .*");

    @ParameterizedTest
    @CsvSource({"90a, BF16", "80, BF16", "75, F16"})
    void everyOpIsTheReferences(String arch, DType activations) {
        check(arch, activations, c -> !c.name().startsWith(ROTATING));
    }

    /** On a device of its own: the simulator keeps what it knows of every byte that a case has touched. */
    @ParameterizedTest
    @CsvSource({"90a, BF16", "80, BF16", "75, F16"})
    void rotationAndAttentionAsOneAreTheReferences(String arch, DType activations) {
        check(arch, activations, c -> c.name().startsWith(ROTATING));
    }

    private static void check(String arch, DType activations, Predicate<OpCase> which) {
        Optional<SimulatedDriver> driver =
                SimulatedDriver.open(SimulatedDriver.Setup.of(arch).memoryBytes(MEMORY_BYTES));
        if (driver.isEmpty()) {
            return;
        }
        var refused = new ArrayList<String>();
        var wrong = new ArrayList<String>();
        try (var device = new CudaDevice(driver.get(), SimulatedDevices.setup(0, activations))) {
            for (OpCase c : OpCase.all().stream().filter(which).toList()) {
                try {
                    c.check(device, Scene.Manner.OF_MODELS);
                    driver.get().expectNoFindings();
                } catch (IllegalArgumentException | EngineFault e) {
                    refused.add(c.name());
                } catch (AssertionError e) {
                    wrong.add(e.getMessage());
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(refused).containsExactlyInAnyOrderElementsOf(refusals(activations, which));
    }

    @Test
    void narrowKeysAndValuesAreRefusedWithTheWayOut() {
        var driver = SimulatedDriver.open(SimulatedDriver.Setup.of("90a").memoryBytes(MEMORY_BYTES));
        if (driver.isEmpty()) {
            return;
        }
        try (var device = new CudaDevice(driver.get(), SimulatedDevices.setup(0, DType.BF16))) {
            assertThatThrownBy(() -> device.kvCache(new KvCache.Shape(1, 8, 2, 64, KvType.FP8_E4M3)))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("not in FP8_E4M3; leave out --kv-cache-dtype, or use --device cpu");
        }
    }

    private static List<String> refusals(DType activations, Predicate<OpCase> which) {
        return OpCase.all().stream()
                .filter(which)
                .map(OpCase::name)
                .filter(name -> REFUSED.matcher(name).matches()
                        || name.matches("(attention|rotaryAttention) (?!" + activations + " ).*"))
                .toList();
    }
}
