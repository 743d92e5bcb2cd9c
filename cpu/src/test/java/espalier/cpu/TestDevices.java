package espalier.cpu;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.Processor;
import espalier.tensor.DeviceProvider;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Products;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Devices for tests: with tiles of bf16, on machines that have them, and in f32 throughout. */
final class TestDevices {
    private static final OpMemory.Source FEW_STATES = new OpMemory.Source(Arena::ofShared, 1);

    private TestDevices() {}

    static CpuDevice inFloats(int threads) {
        return new CpuDevice(
                new DeviceProvider.Settings(1, threads, Products.FLOAT32, CpuKernels.AUTO), new ThreadRanks(1), 0);
    }

    /** Whose attention keeps the states of as few splits at once as it can. */
    static CpuDevice inFloatsWithFewStates(int threads) {
        return new CpuDevice(
                new DeviceProvider.Settings(1, threads, Products.FLOAT32, CpuKernels.AUTO),
                new ThreadRanks(1),
                0,
                FEW_STATES,
                Placement.anywhere(threads));
    }

    /** With half of its threads at home on one node and half on another, both of which are this machine. */
    static CpuDevice inFloatsOnTwoNodes(int threads) {
        return new CpuDevice(
                new DeviceProvider.Settings(1, threads, Products.FLOAT32, CpuKernels.AUTO),
                new ThreadRanks(1),
                0,
                OpMemory.Source.USUAL,
                twoNodes(threads));
    }

    static @Nullable CpuDevice withTilesOnTwoNodes(int threads) {
        return withTiles(threads, OpMemory.Source.USUAL, twoNodes(threads));
    }

    private static Placement twoNodes(int threads) {
        List<Integer> all = Machine.local().processors();
        return new Nodes(List.of(all, all)).place(1, 0, threads);
    }

    static @Nullable CpuDevice withTilesAndFewStates(int threads) {
        return withTiles(threads, FEW_STATES, Placement.anywhere(threads));
    }

    static @Nullable CpuDevice withTiles(int threads) {
        return withTiles(threads, OpMemory.Source.USUAL, Placement.anywhere(threads));
    }

    private static @Nullable CpuDevice withTiles(int threads, OpMemory.Source source, Placement placement) {
        String obstacle = Code.obstacle();
        obstacle = obstacle.isEmpty() ? AmxKernels.obstacle(Processor.here()) : obstacle;
        if (!obstacle.isEmpty()) {
            System.out.println("not tested: " + obstacle);
            return null;
        }
        return new CpuDevice(
                new DeviceProvider.Settings(1, threads, Products.FASTEST, CpuKernels.AMX),
                new ThreadRanks(1),
                0,
                source,
                placement);
    }
}
