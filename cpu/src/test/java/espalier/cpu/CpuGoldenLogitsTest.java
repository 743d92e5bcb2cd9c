package espalier.cpu;

import espalier.golden.GoldenCheck;
import espalier.golden.GoldenModels;
import espalier.golden.GoldenModels.Golden;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family computes what the transformers library computes: in f32, by the Vector API, to within the order of sums; in
 * the default arithmetic, by every kind of kernels that this machine has, to within the rounding of 16 bits.
 */
class CpuGoldenLogitsTest {
    /**
     * Of the greatest logit of a row. Rounding both factors to bf16 costs a product 0.16% in the mean; a dozen one behind
     * another, as two layers have, cost 0.6%, and the worst of all rows 1% as measured.
     */
    private static final double OF_BF16 = 2e-2;

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

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void byEveryKindOfKernels(Golden golden) {
        double tolerance = golden.name().endsWith("-f32") ? GoldenModels.TOLERANCE : OF_BF16;
        for (KernelPath path : KernelPath.values()) {
            for (int size : new int[] {1000, 1}) {
                List<Device> devices = path.open(1);
                if (!devices.isEmpty()) {
                    new GoldenCheck(golden, 16, tolerance).runs(devices, size);
                }
            }
        }
    }

    private static List<Device> devices(int ranks) {
        return new CpuProvider()
                .open(new DeviceProvider.Settings(
                        ranks, 2, DeviceProvider.Products.FLOAT32, DeviceProvider.CpuKernels.AUTO));
    }
}
