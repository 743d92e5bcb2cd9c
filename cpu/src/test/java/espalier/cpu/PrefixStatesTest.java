package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.contract.Scene;
import espalier.contract.SharedPrefixCase;
import espalier.contract.SharedPrefixCase.Group;
import espalier.tensor.Device;
import espalier.tensor.KvType;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A prefix that is read once for all its sequences leaves the bits that each gets by itself. */
class PrefixStatesTest {
    private static final List<KvType> TYPES =
            List.of(KvType.BF16, KvType.FP8_E4M3, KvType.FP8_E5M2, KvType.INT8, KvType.F32, KvType.F16);

    /** Heads, key heads and elements of each: kernels of one position and of many rows, alone and in company. */
    private static final int[][] SHAPES = {{9, 3, 64}, {16, 4, 128}, {4, 4, 80}, {7, 1, 32}, {34, 2, 16}};

    @Test
    void byTiles() {
        assertSame(TestDevices::withTiles);
    }

    @Test
    void byTheVectorApi() {
        assertSame(TestDevices::inFloats);
    }

    /** A prefix of more splits than there is memory for is read once for all as far as it goes. */
    @Test
    void inLittleMemory() {
        assertSame(TestDevices::withTilesAndFewStates);
        assertSame(TestDevices::inFloatsWithFewStates);
    }

    private static void assertSame(IntFunction<@Nullable CpuDevice> open) {
        for (int threads : new int[] {1, 2, 5}) {
            try (CpuDevice device = open.apply(threads)) {
                if (device == null) {
                    return;
                }
                for (int i = 0; i < TYPES.size(); i++) {
                    for (int j = 0; j < SHAPES.length; j++) {
                        if ((i + j + threads) % 3 == 0) {
                            assertSame(device, TYPES.get(i), SHAPES[j], new Random(31L * i + j));
                        }
                    }
                }
            }
        }
    }

    private static void assertSame(CpuDevice device, KvType kv, int[] shape, Random random) {
        int pageSize = random.nextBoolean() ? 1 : 16;
        int pages = (random.nextBoolean() ? 600 : 200) / pageSize;
        var groups = List.of(
                new Group(pageSize * (1 + random.nextInt(pages)), 1, 0, 5),
                // more rows than one tile has
                new Group(
                        pageSize * (1 + random.nextInt(pages)),
                        IntStream.range(7, 20 + random.nextInt(8)).toArray()));
        var c = new SharedPrefixCase(kv, shape[2], shape[0], shape[1], pageSize, groups, 0);
        float[][] alone = c.run(new Scene(device, 5), Device.Prefixes.OWN);
        float[][] together = c.run(new Scene(device, 5), Device.Prefixes.SHARED);
        for (int row = 0; row < alone.length; row++) {
            for (int i = 0; i < alone[row].length; i++) {
                assertThat(Float.floatToRawIntBits(together[row][i]))
                        .as("%s, row %s, column %s", c, row, i)
                        .isEqualTo(Float.floatToRawIntBits(alone[row][i]));
            }
        }
    }

    /** Layers with a window see only a part of a prefix, if any. */
    @Test
    void notInAWindow() {
        try (CpuDevice device = TestDevices.inFloats(2)) {
            var c = new SharedPrefixCase(KvType.BF16, 64, 4, 2, 16, SharedPrefixCase.TWO_GROUPS, 100);
            assertThat(c.run(new Scene(device, 5), Device.Prefixes.SHARED))
                    .isDeepEqualTo(c.run(new Scene(device, 5), Device.Prefixes.OWN));
        }
    }
}
