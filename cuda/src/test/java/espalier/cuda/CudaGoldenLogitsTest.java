package espalier.cuda;

import espalier.cuda.sim.SimulatedDriver;
import espalier.golden.GoldenCheck;
import espalier.golden.GoldenModels;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kind of checkpoint on the simulated device computes what the transformers library computes, but for bf16. */
class CudaGoldenLogitsTest {
    /** Of the greatest logit of a row: activations are bf16 here and f32 there. */
    private static final double TOLERANCE = 5e-2;

    @ParameterizedTest
    @ValueSource(strings = {"llama3-bf16", "llama2-f32", "llama-f16", "qwen2-bf16", "qwen3-bf16", "mistral-bf16"})
    void wholeInputsInOneStep(String model) {
        SimulatedDevices.open(SimulatedDriver.Setup.of("90a").unchecked(), 0)
                .ifPresent(device -> new GoldenCheck(GoldenModels.named(model), 16, TOLERANCE).whole(List.of(device)));
    }
}
