package espalier.cuda;

import espalier.cuda.kernel.KernelChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.sim.SimulatedDriver;
import espalier.tensor.DType;
import java.util.Optional;

/** A CUDA device over the simulated driver, where NVRTC is there. */
final class SimulatedDevices {
    private SimulatedDevices() {}

    static Optional<CudaDevice> open(SimulatedDriver.Setup setup, int mostRecorded) {
        return SimulatedDriver.open(setup).map(driver -> new CudaDevice(driver, setup(mostRecorded)));
    }

    static CudaDevice.Setup setup(int mostRecorded) {
        return new CudaDevice.Setup(
                DType.BF16,
                mostRecorded,
                ProductKernels.Mode.FASTEST,
                CudaDevice.Tuning.ASSUMED,
                KernelChoices.forgotten());
    }
}
