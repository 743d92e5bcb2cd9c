package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.contract.OpCase;
import espalier.contract.Scene;
import espalier.cpu.jit.Code;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Products;
import espalier.tensor.DeviceProvider.Settings;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.host.ThreadRanks;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A system that does not let our machine code run: the Vector API does the same work, and the log says why. */
class HostTest {
    private static final String REFUSAL = "the system refuses executable memory (mprotect: errno 13)";

    private static final Host WITHOUT_EXECUTABLE_MEMORY = new Host(
            () -> "",
            () -> {
                throw new EngineFault(EngineFault.Code.RESOURCE, REFUSAL);
            },
            () -> "");

    private static CpuDevice device(CpuKernels kernels, Host host) {
        var settings = new Settings(1, 1, Products.FASTEST, kernels);
        var given = new CpuDevice.Given(OpMemory.Source.USUAL, Placement.anywhere(1), host);
        return new CpuDevice(settings, new ThreadRanks(1), 0, given);
    }

    /** After weights of bf16 were prepared, and products checked. */
    private static List<String> said(CpuDevice device) {
        for (OpCase c : OpCase.all()) {
            if (c.name().startsWith("matmul")) {
                c.check(device, Scene.Manner.PREPARED);
            }
        }
        Buffer bytes = device.allocate(2 * 16 * 64);
        device.prepare(new Matrix.Dense(new Tensor(bytes, 0, DType.BF16, 16, 64, 64)), Matrix.Stored.KEPT);
        return device.weightRemarks();
    }

    @Test
    void refusedExecutableMemoryLeavesTheVectorApi() {
        try (CpuDevice device = device(CpuKernels.AUTO, WITHOUT_EXECUTABLE_MEMORY)) {
            assertThat(said(device))
                    .filteredOn(line -> line.startsWith("weights: "))
                    .isNotEmpty()
                    .allMatch(line -> line.endsWith(" by the Vector API in f32: " + REFUSAL))
                    .anyMatch(line -> line.contains("BF16"));
        }
    }

    @Test
    void kernelsThatWereAskedForByNameAreRefusedWithTheReason() {
        for (CpuKernels kernels : List.of(CpuKernels.AMX, CpuKernels.AVX512, CpuKernels.AVX2)) {
            assertThatThrownBy(() -> device(kernels, WITHOUT_EXECUTABLE_MEMORY))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageStartingWith("--cpu-kernels ")
                    .hasMessageEndingWith(REFUSAL);
        }
    }

    @Test
    void aJvmWithoutNativeAccessComputesAndNamesTheFlag() throws Exception {
        String said = OtherJvm.run(List.of(), WithoutNativeAccess.class);
        String obstacle = Code.obstacle().isEmpty()
                ? "the JVM was started without --enable-native-access=espalier.cpu"
                : Code.obstacle();
        assertThat(said.lines().filter(line -> line.startsWith("weights: ")))
                .isNotEmpty()
                .allMatch(line -> line.endsWith(" by the Vector API in f32: " + obstacle));
    }

    /** What the other JVM runs. */
    static final class WithoutNativeAccess {
        private WithoutNativeAccess() {}

        public static void main(String[] args) {
            try (CpuDevice device = device(CpuKernels.AUTO, Host.THIS)) {
                said(device).forEach(System.out::println);
            }
        }
    }
}
