package espalier.cpu;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.Processor;
import espalier.tensor.host.ThreadRanks;
import org.jspecify.annotations.Nullable;

/** Devices with tiles of bf16, on machines that have them. */
final class AmxDevices {
    private AmxDevices() {}

    static @Nullable CpuDevice open(int threads) {
        String obstacle = Code.obstacle();
        obstacle = obstacle.isEmpty() ? AmxKernels.obstacle(Processor.here()) : obstacle;
        if (!obstacle.isEmpty()) {
            System.out.println("not tested: " + obstacle);
            return null;
        }
        return new CpuDevice(threads, new ThreadRanks(1), 0, CpuDevice.Kernels.AMX);
    }
}
