package espalier.cuda;

import espalier.cuda.sim.SimulatedDriver;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import java.util.List;

/** {@code --device simulated}: the CUDA device over the simulator, to rehearse what will run on a GPU. */
public final class SimulatedProvider implements DeviceProvider {
    private static final long MEMORY_BYTES = 512L << 20;

    /** For {@link java.util.ServiceLoader}. */
    public SimulatedProvider() {}

    @Override
    public String name() {
        return "simulated";
    }

    @Override
    public String missing() {
        return "";
    }

    @Override
    public void require(Demand demand) {
        CudaProvider.requireServed(demand);
    }

    @Override
    public List<Device> open(Settings settings) {
        String architecture = System.getProperty("espalier.gpu.simulated", "90a");
        var setup = SimulatedDriver.Setup.of(architecture).unchecked().memoryBytes(MEMORY_BYTES);
        return List.of(SimulatedDevices.open(setup, Math.min(8, settings.gpu().mostRecorded()))
                .orElseThrow());
    }
}
