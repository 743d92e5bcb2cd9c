package espalier.cpu;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.Processor;
import espalier.tensor.DeviceProvider;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Products;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.Arena;
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
                FEW_STATES);
    }

    static @Nullable CpuDevice withTilesAndFewStates(int threads) {
        return withTiles(threads, FEW_STATES);
    }

    static @Nullable CpuDevice withTiles(int threads) {
        return withTiles(threads, OpMemory.Source.USUAL);
    }

    private static @Nullable CpuDevice withTiles(int threads, OpMemory.Source source) {
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
                source);
    }
}
