package espalier.cpu;

import espalier.golden.GoldenCheck;
import espalier.golden.GoldenModels.Golden;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family computes what the transformers library computes, also by the fast kernels. */
class CpuGoldenLogitsTest {
    private static final String FOLDERS = "espalier.golden.GoldenModels#all";

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void wholeInputsInOneStep(Golden golden) {
        new GoldenCheck(golden, 16).whole(devices(1));
    }

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void tokenByTokenOverPagesOfOneToken(Golden golden) {
        new GoldenCheck(golden, 1).runs(devices(1), 1);
    }

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void chunksOverTwoRanks(Golden golden) {
        new GoldenCheck(golden, 3).runs(devices(2), 7);
    }

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void longRunsOverFourRanksThatRepeatKeyValueHeads(Golden golden) {
        new GoldenCheck(golden, 2).runs(devices(4), 50);
    }

    private static List<Device> devices(int ranks) {
        return new CpuProvider()
                .open(new DeviceProvider.Settings(
                        ranks, 2, DeviceProvider.Products.FLOAT32, DeviceProvider.CpuKernels.AUTO));
    }
}
