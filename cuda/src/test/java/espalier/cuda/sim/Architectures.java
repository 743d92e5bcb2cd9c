package espalier.cuda.sim;

import espalier.cuda.driver.DeviceProperties;
import java.util.List;

/** The architectures that kernels are compiled for, with what the CUDA C++ Programming Guide says of their limits. */
public final class Architectures {
    /** As NVRTC names them. */
    public static final List<String> ALL = List.of("75", "80", "86", "89", "90a", "100a", "120");

    static final int MULTIPROCESSORS = 4; // few, so that kernels that stay on the device take several tiles
    private static final long L2_BYTES = 4 << 20;
    private static final int DRIVER = 13000;

    private Architectures() {}

    static DeviceProperties properties(String arch, long memoryBytes) {
        int capability = Integer.parseInt(arch.replaceAll("\\D", ""));
        return new DeviceProperties(
                0,
                "simulated sm_" + arch,
                capability / 10,
                capability % 10,
                MULTIPROCESSORS,
                sharedKilobytes(capability) << 10,
                L2_BYTES,
                memoryBytes,
                DRIVER);
    }

    /** Table "Technical Specifications per Compute Capability": maximum shared memory of a block. */
    private static int sharedKilobytes(int capability) {
        return switch (capability) {
            case 75 -> 64;
            case 80, 87 -> 163;
            case 86, 89, 120 -> 99;
            case 90, 100, 103 -> 227;
            default -> throw new IllegalArgumentException("no simulated device of compute capability " + capability);
        };
    }
}
