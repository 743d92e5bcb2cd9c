package espalier.cuda;

import espalier.cuda.sim.SimulatedDriver;
import espalier.golden.GoldenCheck;
import espalier.golden.GoldenModels;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every kind of checkpoint on the simulated device computes what the transformers library computes, but for bf16. */
class CudaGoldenLogitsTest {
    /** Of the greatest logit of a row: activations are bf16 here and f32 there. */
    private static final double TOLERANCE = 5e-2;

    @ParameterizedTest
    @CsvSource({
        "llama3-bf16, 90a",
        "llama2-f32, 80",
        "llama-f16, 86",
        "qwen2-bf16, 90a",
        "qwen3-bf16, 100a",
        "mistral-bf16, 120"
    })
    void wholeInputsInOneStep(String model, String arch) throws InterruptedException {
        SimulatedDevices.on(
                SimulatedDriver.Setup.of(arch),
                0,
                device -> new GoldenCheck(GoldenModels.named(model), 16, TOLERANCE).whole(List.of(device)));
    }

    @ParameterizedTest
    @CsvSource({
        "llama3-bf16, 120",
        "llama2-f32, 90a",
        "llama-f16, 90a",
        "qwen2-bf16, 80",
        "qwen3-bf16, 89",
        "mistral-bf16, 90a"
    })
    void runsOfTokensOverPagesOfOne(String model, String arch) throws InterruptedException {
        SimulatedDevices.on(
                SimulatedDriver.Setup.of(arch).schedule(2),
                0,
                device -> new GoldenCheck(GoldenModels.named(model), 1, TOLERANCE).runs(List.of(device), 17));
    }
}
