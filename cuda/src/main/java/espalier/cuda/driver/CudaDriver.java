package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/** A GPU through NVIDIA's driver, NVRTC and cuBLASLt. */
public final class CudaDriver implements Driver {
    private static final String FLAGS = "lower --mem-fraction-static, --chunked-prefill-size, --max-running-requests or"
            + " --cuda-graph-max-bs, or end what else uses the GPU";

    private static final int EVENT_WITHOUT_TIME = 2;
    private static final int STREAM_NON_BLOCKING = 1;
    private static final int HOST_PORTABLE = 1;
    private static final int CAPTURE_RELAXED = 2;

    /** How long the host looks for an event without pausing; a longer wait pauses in between. */
    private static final long SPIN_NANOS = 20_000;

    private static final long PAUSE_NANOS = 10_000;

    private final CudaCalls cuda;
    private final DeviceProperties properties;
    private final long context;
    private final Duration patience;
    private final LoadedKernels kernels;
    private final Launcher launcher;
    private final CublasProducts products;
    private final Call eventQuery;
    private final Call eventRecord;
    private final Call copyIn;
    private final Call copyOut;
    private final Call graphLaunch;
    private final Set<Long> held = new HashSet<>();
    private final Set<Long> pinned = new HashSet<>();
    private boolean answers = true;
    private boolean closed;

    private CudaDriver(CudaCalls cuda, Nvrtc nvrtc, DeviceProperties properties, long context, Setup setup) {
        this.cuda = cuda;
        this.properties = properties;
        this.context = context;
        this.patience = setup.patience;
        String environment = String.join(
                " ",
                properties.architecture(),
                nvrtc.version().toString(),
                Integer.toString(properties.driverVersion()),
                Nvrtc.SETTINGS.toString());
        kernels = new LoadedKernels(
                cuda, nvrtc, properties.architecture(), new KernelFiles(setup.cache.resolve("kernels"), environment));
        launcher = new Launcher(cuda, kernels, properties);
        products = new CublasProducts(this, setup.libraries, setup.cache.resolve("products"));
        eventQuery = cuda.call("cuEventQuery", 1);
        eventRecord = cuda.call("cuEventRecord", 2);
        copyIn = cuda.call("cuMemcpyHtoDAsync_v2", 4);
        copyOut = cuda.call("cuMemcpyDtoHAsync_v2", 4);
        graphLaunch = cuda.call("cuGraphLaunch", 2);
    }

    /**
     * What a driver is opened with.
     *
     * @param cache folder for compiled kernels and measured choices
     * @param patience how long the host waits for the device before it gives it up
     */
    public record Setup(Libraries libraries, Path cache, Duration patience) {}

    /**
     * The GPU of that number.
     *
     * @throws EngineFault that says what is missing
     */
    public static CudaDriver open(int ordinal, Setup setup) {
        Nvrtc nvrtc = Nvrtc.require(setup.libraries);
        return open(new CudaCalls(Gpus.driver()), nvrtc, ordinal, setup);
    }

    static CudaDriver open(CudaCalls cuda, Nvrtc nvrtc, int ordinal, Setup setup) {
        cuda.run("cuInit", 0);
        int device = cuda.obtainInt("cuDeviceGet", ordinal);
        DeviceProperties properties = Gpus.properties(cuda, ordinal, device);
        long context = cuda.obtain("cuDevicePrimaryCtxRetain", device);
        try {
            cuda.run("cuCtxSetCurrent", context);
            return new CudaDriver(cuda, nvrtc, properties, context, setup);
        } catch (RuntimeException e) {
            cuda.status("cuDevicePrimaryCtxRelease_v2", device);
            throw e;
        }
    }

    @Override
    public DeviceProperties properties() {
        return properties;
    }

    @Override
    public void bind() {
        cuda.run("cuCtxSetCurrent", context);
    }

    @Override
    public Memory memory() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG, 2);
            cuda.run("cuMemGetInfo_v2", out.address(), out.address() + 8);
            return new Memory(out.getAtIndex(JAVA_LONG, 0), out.getAtIndex(JAVA_LONG, 1));
        }
    }

    @Override
    public long allocate(long bytes, String what) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int status = cuda.status("cuMemAlloc_v2", out.address(), Math.max(16, bytes));
            if (status == CudaCalls.OUT_OF_MEMORY) {
                throw outOfMemory(bytes, what);
            }
            cuda.check(status, "cuMemAlloc of " + gib(bytes) + " for " + what);
            long address = out.get(JAVA_LONG, 0);
            held.add(address);
            return address;
        }
    }

    private EngineFault outOfMemory(long bytes, String what) {
        Memory memory = memory();
        return new EngineFault(
                EngineFault.Code.RESOURCE,
                "cuMemAlloc: " + cuda.describe(CudaCalls.OUT_OF_MEMORY) + ": " + gib(bytes) + " for " + what
                        + " were asked for, " + gib(memory.free()) + " of " + gib(memory.total()) + " are free; "
                        + FLAGS);
    }

    @Override
    public void free(long address) {
        held.remove(address);
        cuda.run("cuMemFree_v2", address);
    }

    @Override
    @SuppressWarnings("restricted") // as long as it was asked for
    public MemorySegment allocatePinned(long bytes) {
        long at = cuda.obtain("cuMemHostAlloc", Math.max(1, bytes), HOST_PORTABLE);
        pinned.add(at);
        return MemorySegment.ofAddress(at).reinterpret(Math.max(1, bytes));
    }

    @Override
    public void freePinned(MemorySegment memory) {
        pinned.remove(memory.address());
        cuda.run("cuMemFreeHost", memory.address());
    }

    @Override
    public void upload(Stream stream, MemorySegment from, long to) {
        if (from.byteSize() == 0) {
            return;
        }
        if (from.isNative()) {
            cuda.check(copyIn.with(to, from.address(), from.byteSize(), stream.handle()), "cuMemcpyHtoDAsync");
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(from.byteSize(), 16).copyFrom(from);
            cuda.check(copyIn.with(to, copy.address(), copy.byteSize(), stream.handle()), "cuMemcpyHtoDAsync");
            synchronize(stream);
        }
    }

    @Override
    public void download(Stream stream, long from, MemorySegment to) {
        if (to.byteSize() == 0) {
            return;
        }
        if (to.isNative()) {
            cuda.check(copyOut.with(to.address(), from, to.byteSize(), stream.handle()), "cuMemcpyDtoHAsync");
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(to.byteSize(), 16);
            cuda.check(copyOut.with(copy.address(), from, copy.byteSize(), stream.handle()), "cuMemcpyDtoHAsync");
            synchronize(stream);
            to.copyFrom(copy);
        }
    }

    @Override
    public void copy(Stream stream, long from, long to, long bytes) {
        cuda.run("cuMemcpyDtoDAsync_v2", to, from, bytes, stream.handle());
    }

    @Override
    public void copy(Stream stream, Copy2D rows) {
        launcher.copy(stream, rows);
    }

    @Override
    public void fill(Stream stream, long to, int word, long words) {
        if (words > 0) {
            cuda.run("cuMemsetD32Async", to, word & 0xffffffffL, words, stream.handle());
        }
    }

    @Override
    public void prepare(Collection<Program> programs, Progress progress) {
        kernels.prepare(programs, progress);
    }

    @Override
    public Kernel kernel(Program program, String name) {
        return kernels.kernel(program, name);
    }

    @Override
    public int blocksPerMultiprocessor(Kernel kernel, int threads, int sharedBytes) {
        kernels.allowShared(kernel, kernels.of(kernel), sharedBytes);
        return cuda.obtainInt("cuOccupancyMaxActiveBlocksPerMultiprocessor", kernel.handle(), threads, sharedBytes);
    }

    @Override
    public void launch(Stream stream, Kernel kernel, Launch launch, Arguments arguments) {
        launcher.launch(stream, kernel, launch, arguments);
    }

    @Override
    public TensorMap tensorMap(TensorMap.Layout layout) {
        return launcher.tensorMap(layout);
    }

    @Override
    public Products products() {
        return products;
    }

    @Override
    public Stream openStream() {
        return new Stream(cuda.obtain("cuStreamCreate", STREAM_NON_BLOCKING));
    }

    @Override
    public void closeStream(Stream stream) {
        cuda.run("cuStreamDestroy_v2", stream.handle());
    }

    @Override
    public void synchronize(Stream stream) {
        Event end = openEvent(Event.Kind.MARK);
        try {
            record(end, stream);
            await(end);
        } finally {
            cuda.status("cuEventDestroy_v2", end.handle());
        }
    }

    @Override
    public Event openEvent(Event.Kind kind) {
        return new Event(cuda.obtain("cuEventCreate", kind == Event.Kind.MARK ? EVENT_WITHOUT_TIME : 0));
    }

    @Override
    public void closeEvent(Event event) {
        cuda.run("cuEventDestroy_v2", event.handle());
    }

    @Override
    public void record(Event event, Stream stream) {
        cuda.check(eventRecord.with(event.handle(), stream.handle()), "cuEventRecord");
    }

    @Override
    public void await(Stream stream, Event event) {
        cuda.run("cuStreamWaitEvent", stream.handle(), event.handle(), 0);
    }

    /** Looks again and again instead of blocking in the driver, from which nothing could call the thread back. */
    @Override
    public void await(Event event) {
        long begun = System.nanoTime();
        while (!reached(event)) {
            long waited = System.nanoTime() - begun;
            if (waited > patience.toNanos()) {
                answers = false;
                throw new EngineFault(
                        EngineFault.Code.DEVICE,
                        "the GPU has not answered for " + patience.toSeconds()
                                + " s; check dmesg for an Xid error, reset the GPU (nvidia-smi -r) and start again");
            }
            if (waited > SPIN_NANOS) {
                LockSupport.parkNanos(PAUSE_NANOS);
            } else {
                Thread.onSpinWait();
            }
        }
    }

    @Override
    public boolean reached(Event event) {
        int status = eventQuery.with(event.handle());
        if (status == CudaCalls.NOT_READY) {
            return false;
        }
        cuda.check(status, "waiting for the GPU (cuEventQuery)");
        return true;
    }

    @Override
    public float milliseconds(Event from, Event to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_FLOAT);
            cuda.run("cuEventElapsedTime", out.address(), from.handle(), to.handle());
            return out.get(JAVA_FLOAT, 0);
        }
    }

    @Override
    public void beginCapture(Stream stream) {
        cuda.run("cuStreamBeginCapture_v2", stream.handle(), CAPTURE_RELAXED);
    }

    @Override
    public Graph endCapture(Stream stream) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            cuda.run("cuStreamEndCapture", stream.handle(), out.address());
            long recorded = out.get(JAVA_LONG, 0);
            try {
                long graph = cuda.obtain("cuGraphInstantiateWithFlags", recorded, 0);
                cuda.run("cuGraphUpload", graph, stream.handle());
                return new Graph(graph);
            } finally {
                cuda.status("cuGraphDestroy", recorded);
            }
        }
    }

    @Override
    public void launch(Stream stream, Graph graph) {
        cuda.check(graphLaunch.with(graph.handle(), stream.handle()), "cuGraphLaunch");
    }

    @Override
    public void closeGraph(Graph graph) {
        cuda.run("cuGraphExecDestroy", graph.handle());
    }

    /**
     * Gives everything back, whatever state the GPU is in. Memory is freed piece by piece: cuBLASLt holds the context as
     * well, which outlives its release here. A GPU that does not answer would never return from it.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        cuda.status("cuCtxSetCurrent", context);
        products.close();
        launcher.close();
        kernels.close();
        if (answers) {
            held.forEach(address -> cuda.status("cuMemFree_v2", address));
            pinned.forEach(address -> cuda.status("cuMemFreeHost", address));
        }
        cuda.status("cuDevicePrimaryCtxRelease_v2", cuda.obtainInt("cuDeviceGet", properties.ordinal()));
    }

    static String gib(long bytes) {
        return bytes < 1 << 20
                ? bytes + " bytes"
                : String.format(Locale.ROOT, bytes < 1 << 30 ? "%.1f MiB" : "%.2f GiB", mib(bytes));
    }

    private static double mib(long bytes) {
        return bytes / (double) (bytes < 1 << 30 ? 1 << 20 : 1 << 30);
    }
}
