package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Programs and kernels of one GPU: compiled where no file has them, loaded with all of their code, remembered. */
final class LoadedKernels {
    private static final int SET_MAX_SHARED = 8;
    private static final int SET_CARVE_OUT = 9;
    private static final int MOST_ARGUMENTS = 128;

    private final CudaCalls cuda;
    private final Nvrtc nvrtc;
    private final String architecture;
    private final KernelFiles files;
    private final Map<Program, Long> modules = new HashMap<>();
    private final Map<String, Map<Program, Kernel>> kernels = new HashMap<>();
    private final Map<Long, Loaded> byHandle = new HashMap<>();

    LoadedKernels(CudaCalls cuda, Nvrtc nvrtc, String architecture, KernelFiles files) {
        this.cuda = cuda;
        this.nvrtc = nvrtc;
        this.architecture = architecture;
        this.files = files;
    }

    /** What launching a kernel needs to know. */
    static final class Loaded {
        final int[] sizes;
        private int sharedBytes;

        private Loaded(int[] sizes) {
            this.sizes = sizes;
        }
    }

    Loaded of(Kernel kernel) {
        Loaded loaded = byHandle.get(kernel.handle());
        if (loaded == null) {
            throw new IllegalArgumentException("kernel " + kernel.name() + " is not of this GPU");
        }
        return loaded;
    }

    /** Lets a kernel have that much dynamic shared memory. */
    void allowShared(Kernel kernel, Loaded loaded, int bytes) {
        if (bytes > loaded.sharedBytes) {
            cuda.check(
                    cuda.status("cuFuncSetAttribute", kernel.handle(), SET_MAX_SHARED, bytes),
                    "cuFuncSetAttribute of " + kernel.name() + " to " + bytes + " bytes of shared memory");
            loaded.sharedBytes = bytes;
        }
    }

    void prepare(Collection<Program> programs, Driver.Progress progress) {
        var missing = new LinkedHashSet<>(programs);
        missing.removeAll(modules.keySet());
        if (missing.isEmpty()) {
            return;
        }
        int all = missing.size();
        int threads = Math.min(Math.max(1, all), Runtime.getRuntime().availableProcessors());
        try (ExecutorService pool = Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().name("nvrtc-", 0).factory())) {
            Map<Program, Future<byte[]>> images = new LinkedHashMap<>();
            missing.forEach(p -> images.put(p, pool.submit(() -> image(p))));
            int done = 0;
            for (Map.Entry<Program, Future<byte[]>> each : images.entrySet()) {
                load(each.getKey(), each.getValue().get());
                progress.prepared(++done, all);
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof EngineFault fault) {
                throw new EngineFault(fault.code(), fault.getMessage(), fault);
            }
            throw new EngineFault(EngineFault.Code.INTERNAL, "compiling kernels failed: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineFault(EngineFault.Code.INTERNAL, "interrupted while compiling kernels", e);
        }
    }

    Kernel kernel(Program program, String name) {
        Map<Program, Kernel> named = kernels.computeIfAbsent(name, _ -> new HashMap<>());
        Kernel known = named.get(program);
        if (known != null) {
            return known;
        }
        Long module = modules.get(program);
        long in = module == null ? load(program, image(program)) : module;
        Kernel kernel = open(in, name, program);
        named.put(program, kernel);
        return kernel;
    }

    void close() {
        modules.values().forEach(module -> cuda.status("cuModuleUnload", module));
        modules.clear();
        kernels.clear();
        byHandle.clear();
    }

    private byte[] image(Program program) {
        return files.read(program).orElseGet(() -> compiled(program));
    }

    private byte[] compiled(Program program) {
        byte[] image = nvrtc.compile(program, architecture, Nvrtc.Target.CUBIN).image();
        files.write(program, image);
        return image;
    }

    private long load(Program program, byte[] image) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int status = cuda.status("cuModuleLoadData", out.address(), native8(arena, image));
            if (status != 0) { // a damaged file, perhaps
                files.forget(program);
                status = cuda.status("cuModuleLoadData", out.address(), native8(arena, compiled(program)));
            }
            cuda.check(status, "cuModuleLoadData of " + program.title());
            long module = out.get(JAVA_LONG, 0);
            modules.put(program, module);
            loadCode(program, module);
            return module;
        }
    }

    /** Left alone, a driver brings a kernel's code to the GPU when the kernel is first used: while a request waits. */
    private void loadCode(Program program, long module) {
        int count = cuda.obtainInt("cuModuleGetFunctionCount", module);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment functions = arena.allocate(JAVA_LONG, Math.max(1, count));
            cuda.run("cuModuleEnumerateFunctions", functions.address(), count, module);
            for (int i = 0; i < count; i++) {
                cuda.check(
                        cuda.status("cuFuncLoad", functions.getAtIndex(JAVA_LONG, i)),
                        "cuFuncLoad of a kernel in " + program.title());
            }
        }
    }

    private static long native8(Arena arena, byte[] image) {
        MemorySegment to = arena.allocate(image.length, 64);
        MemorySegment.copy(image, 0, to, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, image.length);
        return to.address();
    }

    private Kernel open(long module, String name, Program program) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            cuda.check(
                    cuda.status(
                            "cuModuleGetFunction",
                            out.address(),
                            module,
                            arena.allocateFrom(name).address()),
                    "cuModuleGetFunction of " + name + " in " + program.title());
            long function = out.get(JAVA_LONG, 0);
            // All kernels alike: a multiprocessor that must divide its memory anew runs empty first.
            cuda.check(
                    cuda.status("cuFuncSetAttribute", function, SET_CARVE_OUT, 100),
                    "cuFuncSetAttribute of " + name + ", carve-out");
            var kernel = new Kernel(function, name);
            byHandle.put(function, new Loaded(argumentSizes(kernel)));
            return kernel;
        }
    }

    /** Bytes of each argument; the driver calls the one behind the last an invalid value. */
    private int[] argumentSizes(Kernel kernel) {
        List<Integer> sizes = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG, 2);
            while (sizes.size() < MOST_ARGUMENTS) {
                int status = cuda.status(
                        "cuFuncGetParamInfo", kernel.handle(), sizes.size(), out.address(), out.address() + 8);
                if (status == CudaCalls.INVALID_VALUE) {
                    break;
                }
                cuda.check(status, "cuFuncGetParamInfo of " + kernel.name());
                sizes.add((int) out.getAtIndex(JAVA_LONG, 1));
            }
        }
        return sizes.stream().mapToInt(Integer::intValue).toArray();
    }
}
