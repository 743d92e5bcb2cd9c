package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.contract.Scene;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.Processor.Feature;
import espalier.launch.EngineLoader;
import espalier.tensor.BlockFormat;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.KvCache;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.host.HostBuffer;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

class CpuDeviceTest {
    @AutoClose
    private final CpuDevice device = new CpuDevice(2);

    @Test
    void memoryThatIsNeverWrittenCostsNothing() {
        if (!System.getProperty("os.name").equals("Linux")) {
            return; // only Linux backs pages lazily here
        }
        long bytes = 1L << 38; // more than the machines that run this test have
        MemorySegment memory = HostBuffer.memory(device.allocate(bytes));
        assertThat(memory.get(ValueLayout.JAVA_LONG, bytes - 8)).isZero();
        memory.set(ValueLayout.JAVA_LONG, bytes / 2, 5);
        assertThat(memory.get(ValueLayout.JAVA_LONG, bytes / 2)).isEqualTo(5);
        var shape = new KvCache.Shape(64, 1 << 22, 8, 128, DType.BF16);
        assertThat(device.kvCache(shape).shape()).isEqualTo(shape);
    }

    @Test
    void moreThreadsThanCoresAreWarnedOf() {
        int cores = Machine.local().physicalCores();
        try (var crowded = new CpuDevice(cores + 1);
                var full = new CpuDevice(cores)) {
            assertThat(crowded.remarks().getFirst())
                    .startsWith("warning: " + (cores + 1) + " threads on " + cores)
                    .contains("--cpu-threads " + cores);
            assertThat(full.remarks()).noneMatch(line -> line.startsWith("warning"));
        }
    }

    @Test
    void farMoreThreadsThanCoresAreRefusedBeforeAnyIsStarted() {
        assertThatCode(() -> CpuProvider.requireFew(64, 4)).doesNotThrowAnyException();
        assertThatThrownBy(() -> CpuProvider.requireFew(65, 4))
                .isInstanceOf(RequestRejected.class)
                .hasMessageStartingWith(
                        "--cpu-threads must be at most 64 on this machine, 16 for each of its physical cores (4)");
        Options options = OptionReader.read(Options.class, Map.of("--device", "cpu", "--cpu-threads", "20000")::get);
        assertThatThrownBy(() -> EngineLoader.require(options))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("got 20000");
    }

    @Test
    void forASingleSequenceBlocksAreMultipliedByIntegersThoughThereAreTiles() {
        boolean code = Code.obstacle().isEmpty();
        if (!code || !Processor.here().has(Feature.AMX_BF16, Feature.AVX512_FP16, Feature.AVX512_VNNI)) {
            System.out.println("CpuDeviceTest: no choice between tiles and dot products here");
            return;
        }
        try (var one = aimed(DeviceProvider.Aim.LATENCY);
                var many = aimed(DeviceProvider.Aim.THROUGHPUT)) {
            for (BlockFormat format : EnumSet.complementOf(EnumSet.of(BlockFormat.INT8_ROW))) {
                assertThat(many.kernels(blocks(many, format))).isEqualTo("AMX, as bf16");
                assertThat(one.kernels(blocks(one, format))).isEqualTo("AVX-512 VNNI");
            }
            one.prepare(blocks(one, BlockFormat.Q4_0), Matrix.Stored.KEPT);
            many.prepare(blocks(many, BlockFormat.Q4_0), Matrix.Stored.KEPT);
            String fastest = ": the fastest that this processor has for ";
            assertThat(one.weightRemarks())
                    .containsExactly("weights: Q4_0 by AVX-512 VNNI" + fastest + "a single sequence");
            assertThat(many.weightRemarks())
                    .containsExactly("weights: Q4_0 by AMX, as bf16" + fastest
                            + "many sequences; --cpu-kernels latency is faster for a single one");
        }
    }

    private static CpuDevice aimed(DeviceProvider.Aim aim) {
        var usual = new DeviceProvider.Settings(1, 1);
        var cpu = new DeviceProvider.Cpu(DeviceProvider.CpuKernels.AUTO, aim);
        return new CpuDevice(
                new DeviceProvider.Settings(1, 1, usual.products(), cpu, usual.gpu()), new ThreadRanks(1), 0);
    }

    private static Matrix.Blocks blocks(CpuDevice device, BlockFormat format) {
        return new Scene(device, 1).blocks(format, 1, 256);
    }

    @Test
    void theLogHasTheFormatsOfTheWeightsAndNoOthersWithTheReason() {
        try (var floats = TestDevices.inFloats(1);
                var vectors = new CpuDevice(
                        new DeviceProvider.Settings(
                                1, 1, DeviceProvider.Products.FASTEST, DeviceProvider.CpuKernels.VECTOR),
                        new ThreadRanks(1),
                        0)) {
            assertThat(floats.weightRemarks()).isEmpty();
            assertThat(remarks(floats, DType.BF16, DType.F32))
                    .containsExactly("weights: BF16, F32 by the Vector API in f32: as --dtype float32 wants");
            List<String> slow = remarks(vectors, DType.F16);
            assertThat(slow).startsWith("weights: F16 by the Vector API in f32: as --cpu-kernels vector wants");
            assertThat(slow.subList(1, slow.size()))
                    .hasSize(Code.obstacle().isEmpty() ? 1 : 0)
                    .allMatch(line -> line.matches("warning: machine code .* without --cpu-kernels"));
        }
        assertThat(remarks(device, DType.F32))
                .filteredOn(line -> !isAdvice(line))
                .singleElement()
                .asString()
                .matches("weights: F32 by the Vector API in f32: (no machine code takes it|.* has no |.*refuse).*");
        assertThat(remarks(device, DType.BF16))
                .allMatch(line -> isAdvice(line) || line.matches("weights: .* by .*: .+"))
                .anyMatch(line -> line.contains("BF16"));
    }

    /** On a machine without machine code. */
    private static boolean isAdvice(String line) {
        return line.matches("warning: .*--quantization.*");
    }

    @Test
    void whatNoKernelTakesIsNotBlamedOnTheFlagThatChoseTheKernels() {
        try (var tiles = TestDevices.withTiles(1)) {
            if (tiles != null) {
                assertThat(remarks(tiles, DType.F32, DType.BF16))
                        .containsExactly(
                                "weights: BF16 by AMX: as --cpu-kernels amx wants",
                                "weights: F32 by the Vector API in f32: no machine code takes it");
            }
        }
    }

    private static List<String> remarks(CpuDevice device, DType... types) {
        for (DType type : types) {
            Buffer bytes = device.allocate(4 * 16 * 64);
            device.prepare(new Matrix.Dense(new Tensor(bytes, 0, type, 16, 64, 64)), Matrix.Stored.KEPT);
        }
        return device.weightRemarks();
    }

    @Test
    void nativeMemoryIsAdoptedAndAnArrayIsCopied() {
        try (var arena = Arena.ofShared()) {
            MemorySegment nativeBytes = arena.allocate(100);
            assertThat(HostBuffer.memory(device.place(nativeBytes))).isEqualTo(nativeBytes);
        }
        Buffer copy = device.place(MemorySegment.ofArray(new byte[] {1, 2, 3}));
        assertThat(HostBuffer.memory(copy).isNative()).isTrue();
        assertThat(HostBuffer.memory(copy).toArray(ValueLayout.JAVA_BYTE)).containsExactly(1, 2, 3);
    }

    @Test
    void aViewPastItsBufferIsRefusedBeforeAnAddressIsTaken() {
        var x = new Tensor(device.allocate(4 * 99), 0, DType.F32, 10, 10, 10);
        assertThatThrownBy(() -> device.ops().add(x, x)).isInstanceOf(IndexOutOfBoundsException.class);
        var ids = new Tensor(device.allocate(8), 0, DType.I32, 1, 2, 2);
        HostBuffer.memory(ids.buffer()).set(ValueLayout.JAVA_INT, 0, 5);
        var table = new Tensor(device.allocate(80), 0, DType.F32, 2, 10, 10);
        var out = new Tensor(device.allocate(80), 0, DType.F32, 2, 10, 10);
        assertThatThrownBy(() -> device.ops().gatherRows(table, ids, out))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void theProviderOpensRanksThatSumTogether() throws Exception {
        DeviceProvider provider = new CpuProvider();
        assertThat(provider.missing()).isEmpty();
        List<Device> ranks = provider.open(new DeviceProvider.Settings(2, 2));
        try (var threads = Executors.newFixedThreadPool(2)) {
            var sums = threads.invokeAll(ranks.stream()
                    .map(rank -> (java.util.concurrent.Callable<Float>) () -> {
                        var x = new Tensor(rank.allocate(4), 0, DType.F32, 1, 1, 1);
                        MemorySegment memory = HostBuffer.memory(x.buffer());
                        memory.set(
                                ValueLayout.JAVA_FLOAT, 0, 1 + rank.collective().rank());
                        rank.collective().allReduce(x);
                        return memory.get(ValueLayout.JAVA_FLOAT, 0);
                    })
                    .toList());
            for (var sum : sums) {
                assertThat(sum.get(10, TimeUnit.SECONDS)).isEqualTo(3);
            }
        }
        ranks.forEach(Device::close);
    }

    @Test
    void availableMemoryIsTold() {
        assertThat(device.availableBytes()).isPositive();
    }
}
