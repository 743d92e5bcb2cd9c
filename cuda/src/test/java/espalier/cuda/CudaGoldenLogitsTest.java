package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.checkpoint.gguf.GgufModel;
import espalier.cuda.sim.SimulatedDriver;
import espalier.golden.DecoderRun;
import espalier.golden.GgufConversion;
import espalier.golden.GoldenCheck;
import espalier.golden.GoldenModels;
import espalier.golden.GoldenModels.Golden;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.reference.ReferenceDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every checkpoint on the simulated device computes what the transformers library computes, but for activations of 16
 * bits: all of them on three architectures, whose kernels differ, and a few on the others, which share the kernels of sm_80
 * but for the code that they are compiled to.
 */
class CudaGoldenLogitsTest {
    /** 11 bits. */
    private static final double OF_F16 = 1e-2;

    private static final List<String> ALWAYS = List.of("90a", "80", "75");
    private static final List<String> IN_TURN = List.of("86", "89", "100a", "120");

    static Stream<Arguments> runs() {
        var runs = new ArrayList<Arguments>();
        List<Golden> all = GoldenModels.all();
        for (int i = 0; i < all.size(); i++) {
            for (String arch : ALWAYS) {
                runs.add(Arguments.of(arch, all.get(i), i));
            }
            if (i % 4 == 0) {
                runs.add(Arguments.of(IN_TURN.get(i / 4 % IN_TURN.size()), all.get(i), i));
            }
        }
        return runs.stream();
    }

    @ParameterizedTest
    @MethodSource("runs")
    void wholeInputsInOneStep(String arch, Golden model, int number) throws InterruptedException {
        on(arch, number, device -> golden(arch, model, 16).whole(List.of(device)));
    }

    @ParameterizedTest
    @MethodSource("runs")
    void runsOfTokensOverPagesOfOne(String arch, Golden model, int number) throws InterruptedException {
        on(arch, number + 1, device -> golden(arch, model, 1).runs(List.of(device), 17));
    }

    /** Blocks are written out in 16 bits while they are loaded; what they stand for is computed by the reference. */
    @ParameterizedTest
    @EnumSource(GgufConversion.Weights.class)
    void ggufFilesOfNumbersAndOfBlocks(GgufConversion.Weights weights, @TempDir Path folder)
            throws InterruptedException {
        Golden golden = GoldenModels.named("qwen3-f32");
        Path file = GgufConversion.of(golden.folder(), weights).write(folder.resolve("m.gguf"));
        List<float[][]> want = logits(file, golden, new ReferenceDevice());
        on("90a", 0, device -> {
            List<float[][]> got = logits(file, golden, device);
            for (int i = 0; i < want.size(); i++) {
                assertThat(GoldenModels.distance(got.get(i), want.get(i))).isLessThan(GoldenModels.OF_BF16);
            }
        });
    }

    private static List<float[][]> logits(Path file, Golden golden, Device device) {
        List<int[]> ids = golden.inputs().stream().map(GoldenModels.Input::ids).toList();
        try (device;
                var checkpoint = GgufModel.open(file).checkpoint()) {
            return new DecoderRun(checkpoint, golden.contextLength(), 16, 42)
                    .logits(List.of(device), ids, DecoderRun.Steps.whole(ids));
        }
    }

    private static void on(String arch, int schedule, SimulatedDevices.Use use) throws InterruptedException {
        SimulatedDevices.on(
                SimulatedDriver.Setup.of(arch).schedule(schedule % 3),
                SimulatedDevices.setup(0, SimulatedDevices.activations(arch)),
                use);
    }

    private static GoldenCheck golden(String arch, Golden model, int pageSize) {
        double tolerance = SimulatedDevices.activations(arch) == DType.F16 ? OF_F16 : GoldenModels.OF_BF16;
        return new GoldenCheck(model, pageSize, tolerance);
    }
}
