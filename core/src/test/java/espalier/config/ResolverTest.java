package espalier.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.model.Dim;
import espalier.model.MemoryPlan;
import espalier.model.ModelShape;
import espalier.model.Quantization;
import espalier.sched.Policy;
import espalier.sched.Sharing;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider.Aim;
import espalier.tensor.DeviceProvider.Cpu;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.KvType;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ResolverTest {
    private static final long GIB = 1L << 30;
    private static final ModelShape SHAPE = new ModelShape(
            2,
            Dim.whole("hidden", 64),
            Dim.split("vocab", 256, 1),
            Dim.splitOrRepeat("kv_heads", 2, 16),
            4096,
            1e-5f,
            false);

    @Test
    void theCacheHoldsEveryRunningRequestWhereMemoryAllows() {
        Settings s = resolve(Map.of("--max-running-requests", "4"), 10 * GIB);
        assertThat(s.limits().maxTotalTokens()).isEqualTo(4 * 4096);
        assertThat(s.kvBytes()).isEqualTo(4L * 4096 * 1000);
    }

    @Test
    void elseItTakesItsShareOfWhatIsLeftAfterTheWeights() {
        // 3 GiB are left after weights and workspace; 40% of it at 1,000 bytes a token.
        Settings s = resolve(Map.of("--max-running-requests", "1000"), 5 * GIB);
        assertThat(s.limits().maxTotalTokens()).isEqualTo((int) (3 * GIB * 0.4 / 1000));
    }

    @Test
    void aShareOfTheMemoryIsForWeightsAndCacheAsInSglang() {
        var flags = Map.of("--max-running-requests", "10000", "--mem-fraction-static", "0.5");
        assertThat(resolve(flags, 10 * GIB).limits().maxTotalTokens()).isEqualTo((int) ((5 - 1) * GIB / 1000));
        assertThat(resolve(flags, 10 * GIB).reasons()).anyMatch(line -> line.contains("mem_fraction_static=0.500"));
    }

    @Test
    void aShareThatLeavesNoRoomForAStepOrNoneForTheCacheIsRefused() {
        assertThatThrownBy(() -> resolve(Map.of("--mem-fraction-static", "0.95"), 10 * GIB))
                .isInstanceOf(EngineFault.class)
                .hasMessageStartingWith("--mem-fraction-static 0.95 leaves 0.50 GiB of 10.00 GiB for the largest step,"
                        + " which needs 1.00 GiB; lower it");
        assertThatThrownBy(() -> resolve(Map.of("--mem-fraction-static", "0.1"), 10 * GIB))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("no room for a KV cache; raise --mem-fraction-static 0.1");
        assertThatThrownBy(() -> resolve(Map.of("--mem-fraction-static", "1.5"), 10 * GIB))
                .isInstanceOf(RequestRejected.class)
                .hasMessage("--mem-fraction-static must be greater than 0 and less than 1, got 1.5");
    }

    @Test
    void aGpuKeepsAReserveInWhichAStepIsIncluded() {
        assertThat(tokensWith(new Device.CacheShare.AllBut(GIB / 2, 0))).isEqualTo((int) ((10 - 1 - 1.5) * GIB / 1000));
        assertThat(tokensWith(new Device.CacheShare.AllBut(GIB / 2, 3 * GIB))).isEqualTo((int) (6 * GIB / 1000));
        assertThatThrownBy(() -> tokensWith(new Device.CacheShare.AllBut(9 * GIB, 0)))
                .hasMessageContaining("no room for a KV cache; free some");
    }

    private static int tokensWith(Device.CacheShare cache) {
        var defaults = new Device.Defaults(10_000, 512, 512, 32, 0, cache);
        Options options = OptionReader.read(Options.class, Map.<String, String>of()::get);
        return Resolver.resolve(
                        options,
                        new Resolver.Facts(
                                SHAPE, 10 * GIB, defaults, Long.MAX_VALUE, (_, _) -> new MemoryPlan(GIB, GIB, 1000)))
                .limits()
                .maxTotalTokens();
    }

    @Test
    void ranksShareTheBudget() {
        Settings one = resolve(Map.of("--max-running-requests", "1000"), 9 * GIB);
        Settings two = resolve(Map.of("--max-running-requests", "1000", "--tp", "2"), 9 * GIB);
        assertThat(one.limits().maxTotalTokens()).isEqualTo((int) (7 * GIB * 0.4 / 1000));
        assertThat(two.limits().maxTotalTokens()).isEqualTo((int) (5 * GIB * 0.4 / 2000));
    }

    @Test
    void tooLittleMemorySaysHowMuchIsNeeded() {
        assertThatThrownBy(() -> resolve(Map.of(), GIB))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining(
                        "1.00 GiB are available, the weights need 1.00 GiB and the largest step 1.00 GiB");
    }

    @Test
    void aCacheOfAskedSizeMustFitAsWell() {
        int all = (int) (GIB / 1000);
        assertThat(resolve(Map.of("--max-total-tokens", "" + all), 3 * GIB)
                        .limits()
                        .maxTotalTokens())
                .isEqualTo(all);
        assertThatThrownBy(() -> resolve(Map.of("--max-total-tokens", "" + (all + 1)), 3 * GIB))
                .isInstanceOf(EngineFault.class)
                .hasMessageContainingAll(
                        "3.00 GiB are available, the weights need 1.00 GiB and the largest step 1.00 GiB",
                        "--max-total-tokens " + (all + 1),
                        "ask for at most " + all);
        assertThatThrownBy(() -> resolve(Map.of("--max-total-tokens", "2000000000", "--tp", "2"), 10 * GIB))
                .hasMessageContaining("no room for the 3725.29 GiB");
        assertThatThrownBy(() -> resolve(Map.of("--max-total-tokens", "256"), GIB))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("--max-total-tokens 256; free some");
    }

    @Test
    void aCacheThatServesNobodyIsRefusedWithTheLeastThatWorks() {
        for (int least : new int[] {256, 40}) { // of any model, and of one whose requests are shorter
            String context = String.valueOf(least == 256 ? 4096 : least);
            assertThat(resolve(Map.of("--max-total-tokens", "" + least, "--context-length", context), 10 * GIB)
                            .limits()
                            .maxTotalTokens())
                    .isEqualTo(least);
            assertThatThrownBy(() -> resolve(
                            Map.of("--max-total-tokens", "" + (least - 1), "--context-length", context), 10 * GIB))
                    .isInstanceOf(RequestRejected.class)
                    .hasMessageStartingWith("--max-total-tokens must be at least " + least)
                    .hasMessageContaining("got " + (least - 1));
        }
    }

    @Test
    void aPageThatIsLargerThanTheMemoryIsRefused() {
        assertThatThrownBy(() -> resolve(Map.of("--page-size", "10000000"), 5 * GIB))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("no room for a page of --page-size 10000000; make it smaller")
                .hasMessageNotContaining("--quantization");
    }

    @Test
    void whatMakesTheWeightsFitIsNamed() {
        assertThatThrownBy(() -> resolve(Map.of(), 2 * GIB))
                .hasMessageContaining("--quantization int8 makes the weights 0.50 GiB, which fits");
        assertThatThrownBy(() -> resolve(Map.of(), GIB + 2 * GIB / 5))
                .hasMessageContaining("--quantization int4 makes the weights 0.33 GiB, which fits");
        assertThatThrownBy(() -> resolve(Map.of(), GIB))
                .hasMessageEndingWith("or model; --quantization int4 makes the weights 0.33 GiB");
        assertThatThrownBy(() -> resolve(Map.of("--quantization", "int4"), GIB)).hasMessageEndingWith("or model");
    }

    @Test
    void pagesRoundDownToWholeOnes() {
        Settings s = resolve(Map.of("--page-size", "16", "--max-running-requests", "1000"), 5 * GIB);
        assertThat(s.limits().pageSize()).isEqualTo(16);
        assertThat(s.limits().maxTotalTokens()).isEqualTo((int) (3 * GIB * 0.4 / 1000) / 16 * 16);
    }

    @Test
    void floatArithmeticKeepsFloatKeys() {
        assertThat(resolve(Map.of("--dtype", "float32"), 10 * GIB).kvType()).isEqualTo(KvType.F32);
        assertThat(resolve(Map.of(), 10 * GIB).kvType()).isEqualTo(KvType.BF16);
    }

    @Test
    void keysAndValuesAreStoredAsAsked() {
        var types = Map.of(
                "bf16", KvType.BF16,
                "bfloat16", KvType.BF16,
                "fp8", KvType.FP8_E4M3,
                "fp8_e4m3", KvType.FP8_E4M3,
                "fp8_e5m2", KvType.FP8_E5M2,
                "int8", KvType.INT8);
        types.forEach((name, type) -> assertThat(
                        resolve(Map.of("--kv-cache-dtype", name, "--dtype", "float32"), 10 * GIB)
                                .kvType())
                .isEqualTo(type));
        assertThatThrownBy(() -> resolve(Map.of("--kv-cache-dtype", "fp8_e4m2"), 10 * GIB))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("--kv-cache-dtype takes one of auto, bf16")
                .hasMessageContaining("fp8_e4m3");
    }

    @Test
    void policiesGoByTheirNames() {
        assertThat(resolve(Map.of("--schedule-policy", "dfs-weight"), 10 * GIB).policy())
                .isEqualTo(Policy.DFS_WEIGHT);
        assertThatThrownBy(() -> resolve(Map.of("--schedule-policy", "fcsf"), 10 * GIB))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("did you mean 'fcfs'?");
    }

    @Test
    void stepsAreSharedAsSuitsTheDeviceAndAtThePaceThatIsAskedFor() {
        assertThat(resolve(Map.of(), 10 * GIB).sharing()).isEqualTo(new Sharing(512, 32, 3));
        assertThat(resolve(Map.of("--decode-pace", "0"), 10 * GIB).sharing().pace())
                .isInfinite();
    }

    @Test
    void impossibleNumbersAreRefusedByName() {
        for (String flag :
                new String[] {"--page-size", "--tp-size", "--max-running-requests", "--max-queued-requests"}) {
            assertThatThrownBy(() -> resolve(Map.of(flag, "0"), 10 * GIB))
                    .isInstanceOf(RequestRejected.class)
                    .hasMessage(flag + " must be at least 1, got 0");
        }
        assertThatThrownBy(() -> resolve(Map.of("--decode-log-interval", "0"), 10 * GIB))
                .hasMessage("--decode-log-interval must be at least 1, got 0");
        for (String port : new String[] {"70000", "-5"}) {
            assertThatThrownBy(() -> resolve(Map.of("--port", port), 10 * GIB))
                    .hasMessage("--port must be between 0 and 65535, got " + port);
        }
        assertThatThrownBy(() -> resolve(Map.of("--shutdown-timeout", "-1"), 10 * GIB))
                .hasMessage("--shutdown-timeout must be at least 0, got -1");
        for (String pace : new String[] {"1", "-2", "0.5"}) {
            assertThatThrownBy(() -> resolve(Map.of("--decode-pace", pace), 10 * GIB))
                    .hasMessageStartingWith("--decode-pace must be greater than 1, or 0 for no limit");
        }
        assertThatThrownBy(() -> resolve(Map.of("--page-size", "16", "--chunked-prefill-size", "100"), 10 * GIB))
                .hasMessageContaining("multiple of --page-size 16");
    }

    @Test
    void aSingleSequenceTakesTheKernelsForOneUnlessSomeAreNamed() {
        assertThat(cpu(Map.of())).isEqualTo(new Cpu(CpuKernels.AUTO, Aim.THROUGHPUT));
        assertThat(cpu(Map.of("--max-running-requests", "2"))).isEqualTo(new Cpu(CpuKernels.AUTO, Aim.THROUGHPUT));
        assertThat(cpu(Map.of("--max-running-requests", "1"))).isEqualTo(new Cpu(CpuKernels.AUTO, Aim.LATENCY));
        assertThat(cpu(Map.of("--cpu-kernels", "latency"))).isEqualTo(new Cpu(CpuKernels.AUTO, Aim.LATENCY));
        assertThat(cpu(Map.of("--max-running-requests", "1", "--cpu-kernels", "amx")))
                .isEqualTo(new Cpu(CpuKernels.AMX, Aim.THROUGHPUT));
    }

    @ParameterizedTest
    @EnumSource(CpuKernels.class)
    void everyInstructionSetIsChosenByItsName(CpuKernels kernels) {
        assertThat(cpu(Map.of("--cpu-kernels", kernels.name().toLowerCase(Locale.ROOT)))
                        .kernels())
                .isEqualTo(kernels);
    }

    private static Cpu cpu(Map<String, String> typed) {
        return Resolver.device(OptionReader.read(Options.class, typed::get)).cpu();
    }

    @Test
    void fewerSequencesRunByDefaultWhereEachMayBeLongAndTheDeviceBoundsPositions() {
        assertThat(resolve(Map.of(), 10 * GIB, 10 * 4096 + 1).limits().maxRunningRequests())
                .isEqualTo(10);
        assertThat(resolve(Map.of(), 10 * GIB, 1).limits().maxRunningRequests()).isEqualTo(1);
        assertThat(resolve(Map.of("--max-running-requests", "100"), 10 * GIB, 4096)
                        .limits()
                        .maxRunningRequests())
                .isEqualTo(100);
        assertThat(resolve(Map.of(), 10 * GIB).limits().maxRunningRequests())
                .isEqualTo(Device.Defaults.HOST.sequences());
    }

    private static Settings resolve(Map<String, String> typed, long available) {
        return resolve(typed, available, Long.MAX_VALUE);
    }

    private static Settings resolve(Map<String, String> typed, long available, long mostPositions) {
        var byFirstName = new HashMap<>(typed);
        if (byFirstName.containsKey("--tp")) {
            byFirstName.put("--tp-size", byFirstName.remove("--tp"));
        }
        Options options = OptionReader.read(Options.class, byFirstName::get);
        return Resolver.resolve(
                options,
                new Resolver.Facts(
                        SHAPE,
                        available,
                        Device.Defaults.HOST,
                        mostPositions,
                        (_, q) -> new MemoryPlan(
                                q == Quantization.NONE ? GIB : q == Quantization.INT8 ? GIB / 2 : GIB / 3, GIB, 1000)));
    }
}
