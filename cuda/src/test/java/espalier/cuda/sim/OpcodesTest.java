package espalier.cuda.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import espalier.cuda.cases.Workbench;
import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Launch;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Instructions that the specimens do not use, against what CUDA's own definitions make of them. */
class OpcodesTest {
    private static final long SEED = 11;

    private static void on(Consumer<Workbench> test) {
        SimulatedDriver.open(SimulatedDriver.Setup.of("90a")).ifPresent(device -> {
            try (device;
                    var bench = new Workbench(device)) {
                test.accept(bench);
                device.expectNoFindings();
            }
        });
    }

    private static void launch(Workbench b, String kernel, int threads, Arguments arguments) {
        var entry = new Specimens.Entry("opcodes.cu", kernel, Map.of());
        Specimens.launch(b, entry, Launch.of(1, threads), arguments);
    }

    private static int[] random(int n) {
        return new SplittableRandom(SEED).ints(n).toArray();
    }

    @Test
    void aGenericAddressReachesTheMemoryThatItLiesIn() {
        on(b -> {
            long out = b.zeros(128);
            launch(b, "generic", 32, Arguments.of().pointer(out).pointer(b.ints(random(16))));
            int[] in = random(16), got = b.readInts(out, 32);
            for (int t = 0; t < 32; t++) {
                assertThat(got[t]).isEqualTo(t % 2 == 1 ? 100 + t / 2 : in[t / 2]);
            }
        });
    }

    @Test
    void localMemoryIsEachThreadsOwn() {
        on(b -> {
            long out = b.zeros(128);
            launch(b, "local", 32, Arguments.of().pointer(out).int32(4));
            int[] got = b.readInts(out, 32);
            for (int t = 0; t < 32; t++) {
                int i = 4 + t % 8;
                assertThat(got[t]).isEqualTo(i * i + t);
            }
        });
    }

    @Test
    void variablesOfAModuleBeginAsTheyAreDeclaredAndKeepWhatIsWritten() {
        on(b -> {
            long out = b.zeros(128);
            float[] table = {1.5f, -2, 0.25f, 1024};
            for (int run = 1; run <= 2; run++) {
                launch(b, "variables", 32, Arguments.of().pointer(out));
                float[] got = b.readFloats(out, 32);
                for (int t = 0; t < 32; t++) {
                    assertThat(got[t]).isEqualTo(table[t % 4] + 5 + 2 * run);
                }
            }
        });
    }

    @Test
    void aFunctionIsCalled() {
        on(b -> {
            long out = b.zeros(128);
            launch(b, "calls", 32, Arguments.of().pointer(out));
            int[] got = b.readInts(out, 32);
            for (int t = 0; t < 32; t++) {
                assertThat(got[t]).isEqualTo((2 * t + 4 * t) * 1000 + 2 * t + 1);
            }
        });
    }

    @Test
    void lanesExchangeVoteAndReduce() {
        on(b -> {
            long out = b.zeros(128 * 16);
            launch(b, "lanes", 32, Arguments.of().pointer(out));
            int[] got = b.readInts(out, 512);
            int sum = 0;
            for (int t = 0; t < 32; t++) {
                sum += value(t);
            }
            for (int t = 0; t < 32; t++) {
                int group = t / 10 == 0 ? 0x3ff : t / 10 == 1 ? 0xffc00 : t / 10 == 2 ? 0x3ff00000 : 0xc0000000;
                assertThat(java.util.Arrays.copyOfRange(got, t * 16, t * 16 + 16))
                        .as("lane " + t)
                        .containsExactly(
                                value(t < 3 ? t : t - 3),
                                value(t > 26 ? t : t + 5),
                                value(9),
                                value(t ^ 6),
                                value(t / 8 * 8 + 2),
                                0x49249249,
                                2,
                                group,
                                sum,
                                31,
                                -1,
                                t == 0 ? 1 : 0,
                                (1 << t) - 1,
                                1,
                                value(t % 16 == 0 ? t : t - 1),
                                31);
            }
        });
    }

    private static int value(int t) {
        return t * t + 3;
    }

    @Test
    void aBarrierCountsVotesOfAllWarps() {
        on(b -> {
            long out = b.zeros(256);
            launch(b, "barriers", 64, Arguments.of().pointer(out));
            assertThat(b.readInts(out, 64)).containsOnly(22 * 4 + 2);
        });
    }

    @Test
    void atomicsOfAllSpacesAndTypesAddUp() {
        on(b -> {
            long out = b.zeros(8), g = b.ints(-9, 0, 41), f = b.floats(1), q = b.zeros(8);
            launch(
                    b,
                    "atomics",
                    32,
                    Arguments.of().pointer(out).pointer(g).pointer(f).pointer(q));
            assertThat(b.readInts(out, 2)).containsExactly(10 + 31 * 16, 41);
            assertThat(b.readInts(g, 3)).containsExactly(26, -1, 77);
            assertThat(b.readFloats(f, 1)).containsExactly(17);
            assertThat(b.readInts(q, 2)).containsExactly(0, 62);
        });
    }

    @Test
    void bitsAreShiftedPermutedAndLookedUp() {
        on(b -> {
            int[] in = random(64);
            long out = b.zeros(128 * 8);
            launch(b, "bits", 32, Arguments.of().pointer(out).pointer(b.ints(in)));
            int[] got = b.readInts(out, 256);
            for (int t = 0; t < 32; t++) {
                int x = in[t], y = in[t + 32], s = t * 0x01010101;
                long both = (long) y << 32 | x & 0xffffffffL;
                int at = t % 16, n = 1 + t % 11;
                assertThat(java.util.Arrays.copyOfRange(got, t * 8, t * 8 + 8))
                        .as("lane " + t)
                        .containsExactly(
                                (int) (both << t >>> 32),
                                (int) (both >>> t),
                                Integer.bitCount(x) + 100 * Integer.numberOfLeadingZeros(y),
                                Integer.reverse(x),
                                bytes(both, 0x6420 + t % 4),
                                x & y ^ (~x | y & 0xff00ff),
                                x & y | ~x & s,
                                x << 32 - at - n >> 32 - n);
            }
        });
    }

    private static int bytes(long both, int selector) {
        int r = 0;
        for (int k = 0; k < 4; k++) {
            r |= (int) (both >>> 8 * (selector >>> 4 * k & 7) & 0xff) << 8 * k;
        }
        return r;
    }

    @Test
    void wideIntegersAndDoublesAreComputed() {
        on(b -> {
            long[] in = new SplittableRandom(SEED).longs(64).toArray();
            long out = b.zeros(256 * 6);
            launch(b, "wide", 32, Arguments.of().pointer(out).pointer(b.put(MemorySegment.ofArray(in))));
            int[] got = b.readInts(out, 64 * 6);
            for (int t = 0; t < 32; t++) {
                long x = in[t], y = in[t + 32] | 1;
                double u = x, v = (int) y;
                long[] want = {
                    Long.divideUnsigned(x, y),
                    Long.remainderUnsigned(x, y),
                    Math.unsignedMultiplyHigh(x, y),
                    x >> t,
                    Double.doubleToRawLongBits(u / v + Math.fma(u, 0.5, v)),
                    (long) (v * 0.75)
                };
                for (int k = 0; k < 6; k++) {
                    int i = (t * 6 + k) * 2;
                    assertThat((long) got[i + 1] << 32 | got[i] & 0xffffffffL)
                            .as("lane %d, %d", t, k)
                            .isEqualTo(want[k]);
                }
            }
        });
    }

    @Test
    void halvesAreComputedInPairsAndRoundedOnce() {
        on(b -> {
            int[] in = random(64);
            for (int k = 0; k < 64; k++) {
                in[k] = in[k] & 0xbfffbfff; // no infinities
            }
            long out = b.zeros(128 * 6);
            launch(b, "halves", 32, Arguments.of().pointer(out).pointer(b.ints(in)));
            int[] got = b.readInts(out, 192);
            for (int t = 0; t < 32; t++) {
                for (int shift : new int[] {0, 16}) {
                    float x = Float.intBitsToFloat(in[t] >>> shift << 16),
                            y = Float.intBitsToFloat(in[t + 32] >>> shift << 16);
                    assertThat(bf16(got[t * 6] >>> shift))
                            .isCloseTo(x * y + x, within(Math.abs(x * y + x) / 256 + 1e-38f));
                    assertThat(bf16(got[t * 6 + 1] >>> shift)).isCloseTo(x * y, within(Math.abs(x * y) / 256 + 1e-38f));
                    assertThat(bf16(got[t * 6 + 2] >>> shift)).isEqualTo(Math.max(x, y));
                    float p = half((in[t] & 0x3fff3fff) >>> shift), q = half((in[t + 32] & 0x3fff3fff) >>> shift);
                    assertThat(half(got[t * 6 + 3] >>> shift))
                            .isCloseTo(p * q + q, within(Math.abs(p * q + q) / 2048 + 1e-7f));
                }
                assertThat(half(got[t * 6 + 4] >>> 16)).isCloseTo(t * 0.37f, within(t * 0.37f / 16 + 1e-3f));
                assertThat(half(got[t * 6 + 4])).isCloseTo(Math.max(t * -31f, -448), within(t * 31f / 16));
                assertThat(half(got[t * 6 + 5] >>> 16)).isCloseTo(t * 0.37f, within(t * 0.37f / 8 + 1e-5f));
                assertThat(half(got[t * 6 + 5])).isCloseTo(Math.max(t * -3100f, -57344), within(t * 3100f / 8));
            }
        });
    }

    private static float bf16(int bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    private static float half(int bits) {
        return Float.float16ToFloat((short) bits);
    }

    @Test
    void approximationsAreOffByNoMoreThanTheirBoundButNotExact() {
        on(b -> {
            float[] in = new float[32];
            for (int k = 0; k < 32; k++) {
                in[k] = 0.07f + k * 0.311f;
            }
            long out = b.zeros(128 * 6);
            launch(b, "approximations", 32, Arguments.of().pointer(out).pointer(b.floats(in)));
            float[] got = b.readFloats(out, 192);
            int exact = 0;
            for (int t = 0; t < 32; t++) {
                double x = in[t];
                double[] want = {
                    Math.pow(2, x), Math.log(x) / Math.log(2), 1 / Math.sqrt(x), Math.tanh(x), x / 3, Math.sin(x)
                };
                double[] bound = {3e-7 * want[0], 1e-6, 3e-7 * want[2], 6e-4, 5e-7 * want[4], 1e-6};
                for (int k = 0; k < 6; k++) {
                    assertThat((double) got[t * 6 + k]).as("%d of %s", k, x).isCloseTo(want[k], within(bound[k]));
                    exact += got[t * 6 + k] == (float) want[k] ? 1 : 0;
                }
            }
            assertThat(exact).isLessThan(150);
        });
    }

    @Test
    void productsOfEightBitsFollowTheirFragments() {
        on(b -> {
            int[] in = random(32 * 6);
            long out = b.zeros(128 * 8);
            launch(b, "products", 32, Arguments.of().pointer(out).pointer(b.ints(in)));
            int[] got = b.readInts(out, 256);
            for (int lane = 0; lane < 32; lane++) {
                for (int i = 0; i < 4; i++) {
                    int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2, sum = i + 1;
                    double real = 0;
                    for (int k = 0; k < 32; k++) {
                        int x = in[(row % 8 * 4 + k % 16 / 4) * 6 + row / 8 + k / 16 * 2] >> 8 * (k % 4);
                        int y = in[(col * 4 + k % 16 / 4) * 6 + 4 + k / 16] >> 8 * (k % 4);
                        sum += (byte) x * (byte) y;
                        real += (double) HalfOps.fp8(x & 0x77, true) * HalfOps.fp8(y & 0x77, true);
                    }
                    assertThat(got[lane * 8 + i]).as("lane %d, %d", lane, i).isEqualTo(sum);
                    assertThat((double) Float.intBitsToFloat(got[lane * 8 + 4 + i]))
                            .isCloseTo(real, within(1e-5 * real));
                }
            }
        });
    }

    @Test
    void whatIsUnknownIsRefusedWithItsLine() {
        String ptx = """
                .version 8.0
                .target sm_90
                .address_size 64
                .file 1 "strange.cu"
                .visible .entry strange(.param .u64 strange_param_0)
                {
                .reg .b32 %r<3>;
                .loc 1 42 7
                mov.u32 %r1, %tid.x;
                frobnicate.rn.f32 %r2, %r1;
                ret;
                }
                """;
        assertThatThrownBy(() -> PtxModule.kernels(ptx, contents -> 0))
                .isInstanceOf(PtxParser.Unsupported.class)
                .hasMessageContaining("strange.cu:42")
                .hasMessageContaining("frobnicate.rn.f32");
    }
}
