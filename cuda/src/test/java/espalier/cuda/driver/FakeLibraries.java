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
import java.util.ArrayList;
import java.util.List;

/** libcuda and NVRTC without a GPU: they hand out numbers, and fail where they are told to. */
final class FakeLibraries implements Symbols {
    private static final long PLENTY = 1L << 40;

    private final Arena arena = Arena.ofShared();
    final List<String> calls = new ArrayList<>();
    private long next = 0x1000;
    private int failAt = Integer.MAX_VALUE;
    private int failure;
    private boolean stuck;

    /** The {@code index}-th call from now on yields {@code status}. */
    void fail(int index, int status) {
        calls.clear();
        failAt = index;
        failure = status;
    }

    /** From now on no event is reached. */
    void neverReady() {
        stuck = true;
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

    int call(String name, long[] a) {
        if (name.startsWith("cuGetError")) {
            String text = name.endsWith("Name") ? "CUDA_ERROR_" + a[0] : "text of " + a[0];
            at(a[1], JAVA_LONG).set(JAVA_LONG, 0, arena.allocateFrom(text).address());
            return 0;
        }
        calls.add(name);
        if (calls.size() - 1 == failAt) {
            return failure;
        }
        if (stuck && name.equals("cuEventQuery")) {
            return CudaCalls.NOT_READY;
        }
        switch (name) {
            case "cuDeviceGetName" -> at(a[0], JAVA_LONG).set(JAVA_BYTE, 0, (byte) 'G');
            case "cuDeviceGetCount", "cuDeviceGet", "cuOccupancyMaxActiveBlocksPerMultiprocessor" -> setInt(a[0], 1);
            case "cuDeviceGetAttribute" -> setInt(a[0], 9);
            case "cuDriverGetVersion" -> setInt(a[0], 13000);
            case "cuMemGetInfo_v2" -> {
                setLong(a[0], 1L << 30);
                setLong(a[1], 1L << 36);
            }
            case "cuMemHostAlloc" -> setLong(a[0], arena.allocate(a[1], 256).address());
            case "cuDeviceTotalMem_v2" -> setLong(a[0], PLENTY);
            case "cuEventElapsedTime", "nvrtcVersion" -> setInt(a[0], 0);
            case "nvrtcGetProgramLogSize", "nvrtcGetCUBINSize" -> setLong(a[1], 4);
            case "cuStreamEndCapture" -> setLong(a[1], next += 16);
            case "cuDevicePrimaryCtxRetain",
                    "cuStreamCreate",
                    "cuEventCreate",
                    "cuMemAlloc_v2",
                    "cuModuleLoadData",
                    "cuModuleGetFunction",
                    "cuGraphInstantiateWithFlags",
                    "nvrtcCreateProgram" -> setLong(a[0], next += 16);
            case "cuFuncGetParamInfo" -> {
                if (a[1] > 0) {
                    return 1;
                }
                setLong(a[3], 4);
            }
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
}
