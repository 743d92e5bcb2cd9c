package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** The functions of libcuda that this project uses, and what it says when one fails. Used by several threads. */
final class CudaCalls {
    static final String LIBRARY = "libcuda.so.1";
    static final int INVALID_VALUE = 1;
    static final int OUT_OF_MEMORY = 2;
    static final int NOT_READY = 600;

    private static final String REPORT = "this is a fault of the engine: please report it with the log of this run";

    /** What to do, by the number of the error. */
    private static final Map<Integer, String> ADVICE = Map.ofEntries(
            Map.entry(3, "the driver is not initialised; restart the process"),
            Map.entry(4, "the process is ending"),
            Map.entry(34, "the library is a stub; put the driver's own libcuda.so.1 first in LD_LIBRARY_PATH"),
            Map.entry(46, "another process holds the GPU in exclusive mode; end it or choose another GPU"),
            Map.entry(100, "no GPU is visible; check nvidia-smi and CUDA_VISIBLE_DEVICES"),
            Map.entry(101, "there is no such GPU; check CUDA_VISIBLE_DEVICES and --tp"),
            Map.entry(200, "a kernel's file is damaged; delete the kernel cache and start again"),
            Map.entry(209, "the kernel was compiled for another GPU; delete the kernel cache and start again"),
            Map.entry(214, "the GPU's memory has an uncorrectable error; reset the GPU or take it out of service"),
            Map.entry(222, "the driver is older than the compiler; update the driver or install NVRTC of its version"),
            Map.entry(304, "the operating system refuses; check the permissions of /dev/nvidia*"),
            Map.entry(700, "a kernel used memory that is not its own; " + REPORT),
            Map.entry(701, "a kernel asks for more registers or shared memory than the GPU has; " + REPORT),
            Map.entry(702, "a kernel ran longer than the system's watchdog allows; use a GPU without a display"),
            Map.entry(710, "a kernel's own check failed; " + REPORT),
            Map.entry(715, "a kernel used an instruction that the GPU does not have; " + REPORT),
            Map.entry(716, "a kernel used a misaligned address; " + REPORT),
            Map.entry(719, "a kernel failed; " + REPORT),
            Map.entry(802, "the GPUs' fabric is not ready; start nvidia-fabricmanager"),
            Map.entry(803, "driver and libcuda do not fit together; reinstall the driver or reboot"),
            Map.entry(804, "forward compatibility is not supported on this GPU; update the driver"));

    private final Symbols symbols;
    private final Map<String, Call> calls = new HashMap<>();

    CudaCalls(Symbols symbols) {
        this.symbols = symbols;
    }

    /** A function for calls that are made often. */
    synchronized Call call(String name, int arguments) {
        return calls.computeIfAbsent(name, n -> Call.of(symbols, n, arguments));
    }

    /** Calls, and requires success. */
    void run(String name, long... arguments) {
        check(status(name, arguments), name);
    }

    /** Calls. */
    int status(String name, long... a) {
        Call call = call(name, a.length);
        return switch (a.length) {
            case 0 -> call.with();
            case 1 -> call.with(a[0]);
            case 2 -> call.with(a[0], a[1]);
            case 3 -> call.with(a[0], a[1], a[2]);
            case 4 -> call.with(a[0], a[1], a[2], a[3]);
            default -> call.with(a);
        };
    }

    /** Calls a function whose first argument is where it puts an address, handle or number of 64 bits. */
    long obtain(String name, long... rest) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            run(name, after(out.address(), rest));
            return out.get(JAVA_LONG, 0);
        }
    }

    /** As {@link #obtain}, of 32 bits. */
    int obtainInt(String name, long... rest) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            run(name, after(out.address(), rest));
            return out.get(JAVA_INT, 0);
        }
    }

    static long[] after(long first, long... rest) {
        var all = new long[rest.length + 1];
        all[0] = first;
        System.arraycopy(rest, 0, all, 1, rest.length);
        return all;
    }

    /**
     * The one place where a status becomes a failure.
     *
     * @param what the call, and what it was about
     * @throws EngineFault unless {@code status} is success
     */
    void check(int status, String what) {
        if (status != 0) {
            throw fault(status, what);
        }
    }

    EngineFault fault(int status, String what) {
        String advice = status == OUT_OF_MEMORY ? "" : ADVICE.getOrDefault(status, REPORT);
        EngineFault.Code code = status == OUT_OF_MEMORY ? EngineFault.Code.RESOURCE : EngineFault.Code.DEVICE;
        return new EngineFault(code, what + ": " + describe(status) + (advice.isEmpty() ? "" : "; " + advice));
    }

    /** {@code CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)}. */
    String describe(int status) {
        String name = text("cuGetErrorName", status);
        return name.isEmpty() ? "CUDA error " + status : name + " (" + text("cuGetErrorString", status) + ")";
    }

    @SuppressWarnings("restricted") // the driver's own strings, which end with a zero
    private String text(String function, int status) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            if (status(function, status, out.address()) != 0 || out.get(JAVA_LONG, 0) == 0) {
                return "";
            }
            return MemorySegment.ofAddress(out.get(JAVA_LONG, 0))
                    .reinterpret(Long.MAX_VALUE)
                    .getString(0);
        }
    }
}
