package espalier.cuda;

import espalier.api.EngineFault;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import java.util.List;

/** Says what is missing: this build has no CUDA kernels yet. */
public final class CudaProvider implements DeviceProvider {

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String missing() {
        return "the CUDA device is not built yet; use --device cpu";
    }

    @Override
    public List<Device> open(Settings settings) {
        throw new EngineFault(EngineFault.Code.RESOURCE, "device cuda: " + missing());
    }
}
