package espalier.cuda;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.cuda.driver.CudaDriver;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Gpus;
import espalier.cuda.driver.Libraries;
import espalier.cuda.driver.Nvrtc;
import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.KvType;
import espalier.tensor.SharedPrefixes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** {@code --device cuda}: one NVIDIA GPU. */
public final class CudaProvider implements DeviceProvider {
    /** Where compiled kernels and measured choices are kept; else a folder of the user's. */
    private static final String CACHE = "espalier.cuda.cache";

    private static final int OLDEST = 75;

    /**
     * On an H200, for 8 KV heads of 128: 16 groups of 16 sequences behind 2,048 positions take 146 us a layer instead of 246,
     * but 2 groups of 4 take 41 instead of 23, and 64 sequences behind 512 positions 40 instead of 32: the second kernel
     * and its partial results cost what memory and the second-level cache need for some 100,000 positions.
     */
    private static final SharedPrefixes.Least SHARED_PREFIXES = new SharedPrefixes.Least(4, 256, 131_072);

    private final Supplier<List<DeviceProperties>> gpus;
    private final Supplier<Libraries> libraries;

    /** For {@link java.util.ServiceLoader}. */
    public CudaProvider() {
        this(Gpus::all, () -> Libraries.of(System::getProperty));
    }

    /** Of a machine that has these, or that fails with what it lacks. */
    CudaProvider(Supplier<List<DeviceProperties>> gpus, Supplier<Libraries> libraries) {
        this.gpus = gpus;
        this.libraries = libraries;
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String missing() {
        try {
            DeviceProperties first = gpus.get().getFirst();
            if (first.computeCapability() < OLDEST) {
                return first.name() + " has compute capability " + first.major() + "." + first.minor()
                        + "; 7.5 or later is wanted";
            }
            return Nvrtc.find(libraries.get()).isEmpty() ? Nvrtc.HOW_TO_GET : "";
        } catch (EngineFault none) {
            return none.getMessage();
        }
    }

    @Override
    public List<String> findings() {
        var lines = new ArrayList<String>();
        try {
            List<DeviceProperties> all = gpus.get();
            int version = all.getFirst().driverVersion();
            lines.add("driver for CUDA " + version / 1000 + "." + version % 1000 / 10);
            all.forEach(g -> lines.add(
                    "GPU " + g.ordinal() + ": " + g.name() + ", compute capability " + g.major() + "." + g.minor()
                            + ", " + (g.memoryBytes() >> 20) + " MiB, " + g.multiprocessors() + " multiprocessors"));
        } catch (EngineFault none) {
            lines.add(none.getMessage());
        }
        lines.add(nvrtc());
        lines.add(libraries
                .get()
                .find("libcublasLt", 12, 13)
                .map(found -> "cuBLASLt " + found.versionOf("cublasLtGetVersion") + ": " + found.file())
                .orElse("cuBLASLt 12 or 13 (libcublasLt.so) was not found; prompts are read slower without it"));
        return List.copyOf(lines);
    }

    private String nvrtc() {
        try {
            return Nvrtc.find(libraries.get())
                    .map(n -> "NVRTC " + n.version() + ": " + n.library().file())
                    .orElse(Nvrtc.HOW_TO_GET);
        } catch (EngineFault broken) {
            return "NVRTC cannot be used: " + broken.getMessage();
        }
    }

    @Override
    public void require(Demand demand) {
        requireServed(demand);
    }

    /** As {@link #require}; the same for a simulated GPU. */
    static void requireServed(Demand demand) {
        requireSettings(demand.settings());
        DType activations = demand.settings().gpu().activations();
        if (demand.kvType() != KvType.of(activations)) {
            throw RequestRejected.invalid(
                    "--kv-cache-dtype",
                    "--kv-cache-dtype " + demand.kvType().flag() + ": a CUDA device keeps keys and values in what it"
                            + " computes in, here " + KvType.of(activations).flag()
                            + "; leave it out, or choose --device cpu, which has it");
        }
        if (demand.weights() == Weights.QUANTIZED) {
            throw RequestRejected.invalid(
                    "--quantization",
                    "--quantization: the products of a CUDA device read weights of 16 bits; leave it out, or choose"
                            + " --device cpu, which has it");
        }
    }

    private static void requireSettings(Settings settings) {
        if (settings.ranks() != 1) {
            throw RequestRejected.invalid(
                    "--tp-size",
                    "--tp-size " + settings.ranks() + ": a model is served by one GPU, several are not supported yet;"
                            + " leave it out, or choose --device cpu");
        }
        if (settings.products() == Products.FLOAT32) {
            throw RequestRejected.invalid(
                    "--dtype",
                    "--dtype float32: a CUDA device computes in bfloat16 or float16; choose one of them, or --device"
                            + " cpu");
        }
    }

    @Override
    public List<Device> open(Settings settings) {
        requireSettings(settings);
        Driver driver = CudaDriver.open(0, driver(settings));
        try {
            return List.of(new CudaDevice(driver, setup(settings.gpu(), driver, cache())));
        } catch (RuntimeException e) {
            driver.close();
            throw e;
        }
    }

    CudaDriver.Setup driver(Settings settings) {
        return new CudaDriver.Setup(libraries.get(), cache(), settings.gpu().patience());
    }

    private static CudaDevice.Setup setup(Gpu gpu, Driver driver, Path cache) {
        return new CudaDevice.Setup(
                gpu.activations(),
                gpu.mostRecorded(),
                switch (gpu.sums()) {
                    case FASTEST -> ProductKernels.Mode.FASTEST;
                    case ALWAYS_ALIKE -> ProductKernels.Mode.DETERMINISTIC;
                },
                CudaDevice.Tuning.MEASURED,
                switch (gpu.sums()) {
                    case FASTEST -> ProductChoices.keptIn(cache, driver);
                    case ALWAYS_ALIKE -> ProductChoices.forgotten();
                },
                gpu.prefixes() == Device.Prefixes.SHARED && gpu.sums() == DeviceProvider.Sums.FASTEST
                        ? SHARED_PREFIXES
                        : SharedPrefixes.Least.NEVER);
    }

    private static Path cache() {
        String named = System.getProperty(CACHE);
        return named == null ? Path.of(System.getProperty("user.home"), ".cache", "espalier", "cuda") : Path.of(named);
    }
}
