package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.checkpoint.gguf.GgufModel;
import espalier.golden.DecoderRun;
import espalier.golden.DecoderRun.Steps;
import espalier.tensor.BlockFormat;
import espalier.tensor.Device;
import espalier.tensor.host.BlockRow;
import espalier.tensor.reference.ReferenceDevice;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * GGUF files of each family of layouts, from their bytes to the logits by every kind of kernels, against the reference's f32
 * on the numbers that the blocks stand for.
 */
class CpuGgufLogitsTest {
    /*
     * An activation loses 2^-9 / sqrt(3) of itself to bf16, in the mean, and a weight as much: 0.16% of a product. In bytes
     * with a scale for 32, the greatest of which is about twice their mean, it loses 2 / 127 / sqrt(12): 0.5%. Nine products
     * stand one behind another here, four of which multiply two such numbers with each other: 13 losses, which add up by
     * their squares to 0.6% and 1.8%. Measured: 1.1% and 2.3% for the worst of 46 rows, and 0.0001% in f32.
     */
    private static final double OF_BF16 = 0.02;
    private static final double OF_BYTES = 0.04;
    private static final double OF_FLOATS = 1e-5;

    private static final List<int[]> INPUTS = List.of(ids(37), ids(9));

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(
            value = BlockFormat.class,
            names = {"Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"})
    void kernelsComputeWhatTheBlocksStandFor(BlockFormat format) {
        var model = new RandomGguf(format, _ -> {});
        List<float[][]> want = reference(model);
        Path file = model.writeBlocks(folder.resolve("blocks.gguf"));
        for (KernelPath path : KernelPath.values()) {
            for (int size : new int[] {64, 1}) {
                for (Device device : path.open(1)) {
                    List<float[][]> have = logits(file, device, Steps.runs(INPUTS, size));
                    String by = device.weightRemarks().getFirst();
                    assertThat(by).contains(": " + format + " by " + by(path));
                    assertThat(distance(have, want))
                            .as("runs of %d tokens, %s, %s", size, path, by)
                            .isLessThan(by.contains("AMX") ? OF_BF16 : by.contains("in f32") ? OF_FLOATS : OF_BYTES);
                }
            }
        }
    }

    private static String by(KernelPath path) {
        return switch (path) {
            case AUTO, LATENCY -> "";
            case AVX512 -> "AVX-512 VNNI";
            case AVX2 -> "AVX2";
            case VECTOR -> "the Vector API in f32";
        };
    }

    /** What a kernel or a layout could do wrong. */
    private enum Fault {
        SCALE_OF_THE_NEXT_GROUP(row -> {
            float[] scales = row.scales();
            float first = scales[0];
            System.arraycopy(scales, 1, scales, 0, scales.length - 1);
            scales[scales.length - 1] = first;
        }),
        ONE_SCALE_TWICE_ITSELF(row -> row.scales()[row.scales().length / 2] *= 2),
        A_GROUP_LEFT_OUT(row -> row.scales()[1] = row.minima()[1] = 0),
        NEIGHBOURS_EXCHANGED_ONCE_IN_32(row -> {
            byte[] values = row.values();
            for (int i = 30; i < values.length; i += 32) {
                byte one = values[i];
                values[i] = values[i + 1];
                values[i + 1] = one;
            }
        }),
        ZERO_IS_ONE_OFF(row -> {
            for (int i = 0; i < row.values().length; i++) {
                row.values()[i]++;
            }
        });

        private final Consumer<BlockRow> change;

        Fault(Consumer<BlockRow> change) {
            this.change = change;
        }
    }

    /** Otherwise the test above would be worth little. */
    @ParameterizedTest
    @EnumSource(
            value = BlockFormat.class,
            names = {"Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"})
    void faultsAreSeveralTimesFartherOffThanWhatIsTolerated(BlockFormat format) {
        List<float[][]> want = reference(new RandomGguf(format, _ -> {}));
        for (Fault fault : Fault.values()) {
            assertThat(distance(reference(new RandomGguf(format, fault.change)), want))
                    .as("%s", fault)
                    .isGreaterThan(5 * OF_BYTES);
        }
    }

    private static int[] ids(int count) {
        return new Random(count).ints(count, 0, RandomGguf.VOCABULARY).toArray();
    }

    private List<float[][]> reference(RandomGguf model) {
        return logits(model.writeNumbers(folder.resolve("numbers.gguf")), new ReferenceDevice(), Steps.whole(INPUTS));
    }

    private static List<float[][]> logits(Path file, Device device, Steps steps) {
        try (device;
                var checkpoint = GgufModel.open(file).checkpoint()) {
            return new DecoderRun(checkpoint, 0, 16, 42).logits(List.of(device), INPUTS, steps);
        }
    }

    /** The length of the difference over that of the reference, of the row that is farthest off. */
    private static double distance(List<float[][]> have, List<float[][]> want) {
        double worst = 0;
        for (int s = 0; s < want.size(); s++) {
            for (int row = 0; row < want.get(s).length; row++) {
                double difference = 0;
                double length = 0;
                for (int i = 0; i < RandomGguf.VOCABULARY; i++) {
                    double w = want.get(s)[row][i];
                    difference += Math.pow(have.get(s)[row][i] - w, 2);
                    length += w * w;
                }
                double off = Math.sqrt(difference / length);
                worst = Math.max(worst, Double.isNaN(off) ? Double.POSITIVE_INFINITY : off);
            }
        }
        return worst;
    }
}
