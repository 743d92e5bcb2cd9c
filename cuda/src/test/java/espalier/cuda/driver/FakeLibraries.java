package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * libcuda, NVRTC and cuBLASLt without a GPU, a Hopper: they hand out numbers, fail where they are told to, and know what was
 * made and not ended.
 */
public final class FakeLibraries implements Symbols {
    private static final long PLENTY = 1L << 40;
    private static final int[] ONE_INT = {4};

    /** Whose code comes with {@code cuFuncLoad}. */
    static final int FUNCTIONS_OF_A_MODULE = 3;

    /** By what ends it, the call that makes a thing. */
    private static final Map<String, String> MADE_BY = Map.ofEntries(
            Map.entry("cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRetain"),
            Map.entry("cuStreamDestroy_v2", "cuStreamCreate"),
            Map.entry("cuEventDestroy_v2", "cuEventCreate"),
            Map.entry("cuMemFree_v2", "cuMemAlloc_v2"),
            Map.entry("cuMemFreeHost", "cuMemHostAlloc"),
            Map.entry("cuModuleUnload", "cuModuleLoadData"),
            Map.entry("cuGraphDestroy", "cuStreamEndCapture"),
            Map.entry("cuGraphExecDestroy", "cuGraphInstantiateWithFlags"),
            Map.entry("nvrtcDestroyProgram", "nvrtcCreateProgram"),
            Map.entry("cublasLtDestroy", "cublasLtCreate"),
            Map.entry("cublasLtMatmulDescDestroy", "cublasLtMatmulDescCreate"),
            Map.entry("cublasLtMatrixLayoutDestroy", "cublasLtMatrixLayoutCreate"),
            Map.entry("cublasLtMatmulPreferenceDestroy", "cublasLtMatmulPreferenceCreate"));

    private static final Set<String> MAKERS = Set.copyOf(MADE_BY.values());

    private final Arena arena = Arena.ofShared();
    private final Map<String, int[]> argumentSizes;
    private final Map<String, Set<Long>> held = new TreeMap<>();
    private final Map<Long, String> functions = new HashMap<>();
    private final Map<String, Integer> counts = new TreeMap<>();
    final List<String> calls = new ArrayList<>();

    /** First bytes of the algorithm of each product of cuBLASLt. */
    final List<Long> multipliedBy = new ArrayList<>();

    private long next = 0x1000;
    private long suggested;
    private int failAt = Integer.MAX_VALUE;
    private String failIn = "";
    private int failure;
    private boolean stuck;
    private int gpus = 1;

    FakeLibraries() {
        this(Map.of());
    }

    /** @param argumentSizes bytes of each argument of kernels by name; others take one int */
    public FakeLibraries(Map<String, int[]> argumentSizes) {
        this.argumentSizes = argumentSizes;
    }

    /** The GPU of these libraries. */
    public CudaDriver open(Path cache, Duration patience) {
        return open(this, Optional.of(() -> this), cache, patience);
    }

    /** On a machine without cuBLASLt. */
    public CudaDriver openWithoutCublas(Path cache) {
        return open(this, Optional.empty(), cache, Duration.ofMinutes(1));
    }

    /** With a compiler of its own. */
    CudaDriver open(FakeLibraries nvrtc, Path cache, Duration patience) {
        return open(nvrtc, Optional.of(() -> this), cache, patience);
    }

    private CudaDriver open(FakeLibraries nvrtc, Optional<Supplier<Symbols>> cublasLt, Path cache, Duration patience) {
        var compiler = new Nvrtc(new Libraries.Found(Path.of("libnvrtc.so.13"), 13), nvrtc);
        var natives = new CudaDriver.Natives(new CudaCalls(this), compiler, cublasLt);
        return CudaDriver.open(natives, 0, new CudaDriver.Setup(Libraries.in(List.of()), cache, patience));
    }

    /** The {@code index}-th call from now on yields {@code status}. */
    synchronized void fail(int index, int status) {
        calls.clear();
        failAt = index;
        failure = status;
    }

    /** The {@code index}-th call of a function yields {@code status}, counted from the beginning. */
    public synchronized void fail(String function, int index, int status) {
        failIn = function + index;
        failure = status;
    }

    void noGpus() {
        gpus = 0;
    }

    /** From now on no event is reached. */
    void neverReady() {
        stuck = true;
    }

    /** How often each function was called that makes what another one ends. */
    public synchronized Map<String, Integer> made() {
        var made = new TreeMap<>(counts);
        made.keySet().retainAll(MAKERS);
        return made;
    }

    /** How often each function was called. */
    public synchronized Map<String, Integer> counts() {
        return new TreeMap<>(counts);
    }

    /** How many there are of what was made and not ended, by the function that made it. */
    public synchronized Map<String, Integer> held() {
        var all = new TreeMap<String, Integer>();
        held.forEach((maker, handles) -> {
            if (!handles.isEmpty()) {
                all.put(maker, handles.size());
            }
        });
        return all;
    }

    /** Whether it ends what another function makes. */
    public static boolean ends(String function) {
        return MADE_BY.containsKey(function) || function.equals("cuStreamEndCapture");
    }

    @Override
    public MethodHandle function(String name, int arguments) {
        try {
            MethodHandle call = MethodHandles.lookup()
                    .findVirtual(
                            FakeLibraries.class, "call", MethodType.methodType(int.class, String.class, long[].class));
            return call.bindTo(this).bindTo(name).asCollector(long[].class, arguments);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    synchronized int call(String name, long[] a) {
        if (name.startsWith("cuGetError")) {
            String text = name.endsWith("Name") ? "CUDA_ERROR_" + a[0] : "text of " + a[0];
            at(a[1], JAVA_LONG).set(JAVA_LONG, 0, arena.allocateFrom(text).address());
            return 0;
        }
        calls.add(name);
        int index = counts.merge(name, 1, Integer::sum) - 1;
        if (calls.size() - 1 == failAt || failIn.equals(name + index)) {
            return failure;
        }
        if (stuck && name.equals("cuEventQuery")) {
            return CudaCalls.NOT_READY;
        }
        if (MAKERS.contains(name)) {
            make(name, a);
        } else if (MADE_BY.containsKey(name)) {
            end(name, a);
        }
        return name.startsWith("cublas") ? cublas(name, a) : cuda(name, a);
    }

    private void make(String name, long[] a) {
        long made = name.equals("cuMemHostAlloc") ? arena.allocate(a[1], 256).address() : (next += 16);
        setLong(name.equals("cuStreamEndCapture") ? a[1] : a[0], made);
        held.computeIfAbsent(name, _ -> new TreeSet<>()).add(made);
    }

    private void end(String name, long[] a) {
        Set<Long> there = held.getOrDefault(MADE_BY.get(name), Set.of());
        long handle = switch (name) {
            case "cuDevicePrimaryCtxRelease_v2" -> there.stream().findFirst().orElse(0L);
            case "nvrtcDestroyProgram" -> at(a[0], JAVA_LONG).get(JAVA_LONG, 0);
            default -> a[0];
        };
        if (!there.contains(handle)) {
            throw new AssertionError(name + " of what is not there");
        }
        there.remove(handle);
    }

    private int cuda(String name, long[] a) {
        switch (name) {
            case "cuDeviceGetName" -> at(a[0], JAVA_LONG).set(JAVA_BYTE, 0, (byte) 'G');
            case "cuDeviceGetCount" -> setInt(a[0], gpus);
            case "cuDeviceGet", "cuOccupancyMaxActiveBlocksPerMultiprocessor" -> setInt(a[0], 1);
            case "cuDeviceGetAttribute" -> setInt(a[0], attribute((int) a[1]));
            case "cuDriverGetVersion" -> setInt(a[0], 13000);
            case "cuMemGetInfo_v2" -> {
                setLong(a[0], 1L << 30);
                setLong(a[1], 1L << 36);
            }
            case "cuDeviceTotalMem_v2" -> setLong(a[0], PLENTY);
            case "cuEventElapsedTime", "nvrtcVersion" -> setInt(a[0], 0);
            case "nvrtcGetProgramLogSize", "nvrtcGetCUBINSize" -> setLong(a[1], 4);
            case "cuModuleGetFunction" -> {
                setLong(a[0], next += 16);
                functions.put(next, text(a[2]));
            }
            case "cuModuleGetFunctionCount" -> setInt(a[0], FUNCTIONS_OF_A_MODULE);
            case "cuModuleEnumerateFunctions" -> {
                for (int i = 0; i < a[1]; i++) {
                    setLong(a[0] + 8L * i, next += 16);
                }
            }
            case "cuFuncGetParamInfo" -> {
                int[] sizes = argumentSizes.getOrDefault(functions.getOrDefault(a[0], ""), ONE_INT);
                if (a[1] >= sizes.length) {
                    return 1;
                }
                setLong(a[3], sizes[(int) a[1]]);
            }
            default -> {
                // Nothing comes back.
            }
        }
        return 0;
    }

    private static int attribute(int which) {
        return switch (which) {
            case 16 -> 132; // multiprocessors
            case 38 -> 50 << 20; // bytes of the second-level cache
            case 75 -> 9;
            case 76 -> 0;
            case 97 -> 227 << 10; // bytes of shared memory
            default -> throw new AssertionError("attribute " + which);
        };
    }

    /** Two suggestions a question, never the same. */
    private int cublas(String name, long[] a) {
        switch (name) {
            case "cublasLtGetVersion" -> {
                return 130_200;
            }
            case "cublasLtMatmulAlgoGetHeuristic" -> {
                setLong(a[8], ++suggested);
                setLong(a[8] + 96, ++suggested);
                setInt(a[9], 2);
            }
            case "cublasLtMatmul" -> multipliedBy.add(at(a[12], JAVA_LONG).get(JAVA_LONG, 0));
            default -> {
                // Nothing comes back.
            }
        }
        return 0;
    }

    private static void setInt(long address, int value) {
        at(address, JAVA_INT).set(JAVA_INT, 0, value);
    }

    private static void setLong(long address, long value) {
        at(address, JAVA_LONG).set(JAVA_LONG, 0, value);
    }

    @SuppressWarnings("restricted") // the caller's own memory, given as a number
    private static MemorySegment at(long address, ValueLayout what) {
        return MemorySegment.ofAddress(address).reinterpret(what.byteSize());
    }

    @SuppressWarnings("restricted") // likewise, up to its zero
    private static String text(long address) {
        return MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
    }
}
