package espalier.cuda.driver;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The GPUs of this machine, without taking hold of one. */
public final class Gpus {
    private static final int MULTIPROCESSORS = 16;
    private static final int L2_BYTES = 38;
    private static final int MAJOR = 75;
    private static final int MINOR = 76;
    private static final int SHARED_BYTES = 97;
    private static final int NAME_BYTES = 128;

    private Gpus() {}

    /**
     * All of them, in the driver's order.
     *
     * @throws EngineFault without a driver or GPU; it says which
     */
    public static List<DeviceProperties> all() {
        return all(new CudaCalls(driver()));
    }

    static Symbols driver() {
        return driver(CudaCalls.LIBRARY);
    }

    static Symbols driver(String library) {
        try {
            return Symbols.ofSystem(library);
        } catch (EngineFault e) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE, "no NVIDIA driver is installed (" + library + " was not found)", e);
        }
    }

    static List<DeviceProperties> all(CudaCalls cuda) {
        cuda.run("cuInit", 0);
        int count = cuda.obtainInt("cuDeviceGetCount");
        var all = new ArrayList<DeviceProperties>();
        for (int i = 0; i < count; i++) {
            all.add(properties(cuda, i, cuda.obtainInt("cuDeviceGet", i)));
        }
        if (all.isEmpty()) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "the NVIDIA driver shows no GPU; check nvidia-smi and CUDA_VISIBLE_DEVICES");
        }
        return all;
    }

    static DeviceProperties properties(CudaCalls cuda, int ordinal, int device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(NAME_BYTES);
            cuda.run("cuDeviceGetName", name.address(), NAME_BYTES, device);
            return new DeviceProperties(
                    ordinal,
                    name.getString(0),
                    attribute(cuda, MAJOR, device),
                    attribute(cuda, MINOR, device),
                    attribute(cuda, MULTIPROCESSORS, device),
                    attribute(cuda, SHARED_BYTES, device),
                    attribute(cuda, L2_BYTES, device),
                    cuda.obtain("cuDeviceTotalMem_v2", device),
                    cuda.obtainInt("cuDriverGetVersion"));
        }
    }

    private static int attribute(CudaCalls cuda, int which, int device) {
        return cuda.obtainInt("cuDeviceGetAttribute", which, device);
    }
}
