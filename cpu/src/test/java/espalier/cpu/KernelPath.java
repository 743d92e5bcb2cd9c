package espalier.cpu;

import espalier.api.EngineFault;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider.Aim;
import espalier.tensor.DeviceProvider.Cpu;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Settings;
import java.util.List;

/** Every choice of kernels for the default arithmetic, as {@code --cpu-kernels} names them. */
enum KernelPath {
    /** What a server takes by default: the best of this machine for many sequences, which is AMX where there is any. */
    AUTO(CpuKernels.AUTO, Aim.THROUGHPUT),
    /** The best for a single sequence. */
    LATENCY(CpuKernels.AUTO, Aim.LATENCY),
    AVX512(CpuKernels.AVX512, Aim.THROUGHPUT),
    AVX2(CpuKernels.AVX2, Aim.THROUGHPUT),
    VECTOR(CpuKernels.VECTOR, Aim.THROUGHPUT);

    private final Cpu cpu;

    KernelPath(CpuKernels kernels, Aim aim) {
        cpu = new Cpu(kernels, aim);
    }

    /** Devices in rank order with two threads each; none, with a line, where the machine has not the instructions. */
    List<Device> open(int ranks) {
        var usual = new Settings(ranks, 2 * ranks);
        try {
            return new CpuProvider().open(new Settings(ranks, usual.threads(), usual.products(), cpu, usual.gpu()));
        } catch (EngineFault none) {
            if (!none.getMessage().startsWith("--cpu-kernels ")) {
                throw none;
            }
            System.out.println("not tested: " + none.getMessage());
            return List.of();
        }
    }
}
