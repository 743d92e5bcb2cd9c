package espalier.cuda;

import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.sim.SimulatedDriver;
import espalier.tensor.DType;
import espalier.tensor.SharedPrefixes;
import java.util.Optional;

/** A CUDA device over the simulated driver, where NVRTC is there. */
final class SimulatedDevices {
    private SimulatedDevices() {}

    static Optional<CudaDevice> open(SimulatedDriver.Setup setup, int mostRecorded) {
        return SimulatedDriver.open(setup).map(driver -> new CudaDevice(driver, setup(mostRecorded)));
    }

    /** What a test does with a device; it fails if a check of the simulator has found something. */
    interface Use {
        void with(CudaDevice device) throws InterruptedException;
    }

    static void on(SimulatedDriver.Setup setup, int mostRecorded, Use use) throws InterruptedException {
        on(setup, setup(mostRecorded), use);
    }

    static void on(SimulatedDriver.Setup setup, CudaDevice.Setup of, Use use) throws InterruptedException {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(setup);
        if (driver.isPresent()) {
            use.with(new CudaDevice(driver.get(), of));
            driver.get().expectNoFindings();
        }
    }

    /** What that architecture computes in by default: Turing has no tensor cores for bf16. */
    static DType activations(String arch) {
        return arch.equals("75") ? DType.F16 : DType.BF16;
    }

    static CudaDevice.Setup setup(int mostRecorded) {
        return setup(mostRecorded, DType.BF16);
    }

    static CudaDevice.Setup setup(int mostRecorded, DType activations) {
        return new CudaDevice.Setup(
                activations,
                mostRecorded,
                ProductKernels.Mode.FASTEST,
                CudaDevice.Tuning.ASSUMED,
                ProductChoices.forgotten(),
                new SharedPrefixes.Least(4, 16, 16));
    }
}
