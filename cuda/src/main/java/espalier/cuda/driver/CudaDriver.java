package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** A GPU through NVIDIA's driver, NVRTC and cuBLASLt. */
public final class CudaDriver implements Driver {
    private static final String FLAGS = "lower --mem-fraction-static, --chunked-prefill-size, --max-running-requests or"
            + " --cuda-graph-max-bs, or end what else uses the GPU";

    private static final int EVENT_WITHOUT_TIME = 2;
    private static final int STREAM_NON_BLOCKING = 1;
    private static final int HOST_PORTABLE = 1;

    /** How long the host looks for an event without pausing; a longer wait pauses in between. */
    private static final long SPIN_NANOS = 20_000;

    private static final long PAUSE_NANOS = 10_000;

    private final CudaCalls cuda;
    private final DeviceProperties properties;
    private final int device;
    private final long context;
    private final Duration patience;
    private final LoadedKernels kernels;
    private final Launcher launcher;
    private final CublasProductLibrary products;
    private final Call eventQuery;
    private final Call eventRecord;
    private final Call copyIn;
    private final Call copyOut;
    private final Opened opened;
    private final Captures captures;
    private boolean answers = true;
    private boolean closed;

    private CudaDriver(Natives natives, Held gpu, Setup setup) {
        cuda = natives.cuda;
        properties = gpu.properties;
        device = gpu.device;
        context = gpu.context;
        patience = setup.patience;
        opened = new Opened(cuda);
        captures = new Captures(cuda, opened);
        String environment = String.join(
                " ",
                properties.architecture(),
                natives.nvrtc.version().toString(),
                Integer.toString(properties.driverVersion()),
                Nvrtc.SETTINGS.toString());
        kernels = new LoadedKernels(
                cuda,
                natives.nvrtc,
                properties.architecture(),
                new KernelFiles(setup.cache.resolve("kernels"), environment));
        launcher = new Launcher(cuda, kernels, properties);
        products =
                new CublasProductLibrary(this, natives.cublasLt, new CublasAlgorithms(setup.cache.resolve("products")));
        eventQuery = cuda.call("cuEventQuery", 1);
        eventRecord = cuda.call("cuEventRecord", 2);
        copyIn = cuda.call("cuMemcpyHtoDAsync_v2", 4);
        copyOut = cuda.call("cuMemcpyDtoHAsync_v2", 4);
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
        var cuda = new CudaCalls(Gpus.driver());
        return open(new Natives(cuda, nvrtc, CublasLt.find(setup.libraries)), ordinal, setup);
    }

    /** @param cublasLt how it is opened, where there is one */
    record Natives(CudaCalls cuda, Nvrtc nvrtc, Optional<Supplier<Symbols>> cublasLt) {}

    /** A GPU that is taken hold of. */
    private record Held(int device, DeviceProperties properties, long context) {}

    static CudaDriver open(Natives natives, int ordinal, Setup setup) {
        CudaCalls cuda = natives.cuda;
        cuda.run("cuInit", 0);
        int device = cuda.obtainInt("cuDeviceGet", ordinal);
        DeviceProperties properties = Gpus.properties(cuda, ordinal, device);
        long context = cuda.obtain("cuDevicePrimaryCtxRetain", device);
        try {
            cuda.run("cuCtxSetCurrent", context);
            return new CudaDriver(natives, new Held(device, properties, context), setup);
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
            return opened.add(Opened.Kind.MEMORY, out.get(JAVA_LONG, 0));
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
        opened.close(Opened.Kind.MEMORY, address);
    }

    @Override
    @SuppressWarnings("restricted") // as long as it was asked for
    public MemorySegment allocatePinned(long bytes) {
        long at =
                opened.add(Opened.Kind.PINNED_MEMORY, cuda.obtain("cuMemHostAlloc", Math.max(1, bytes), HOST_PORTABLE));
        return MemorySegment.ofAddress(at).reinterpret(Math.max(1, bytes));
    }

    @Override
    public void freePinned(MemorySegment memory) {
        opened.close(Opened.Kind.PINNED_MEMORY, memory.address());
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
    public ProductLibrary products() {
        return products;
    }

    @Override
    public Stream openStream() {
        return new Stream(opened.add(Opened.Kind.STREAM, cuda.obtain("cuStreamCreate", STREAM_NON_BLOCKING)));
    }

    @Override
    public void closeStream(Stream stream) {
        opened.close(Opened.Kind.STREAM, stream.handle());
    }

    @Override
    public void synchronize(Stream stream) {
        Event end = openEvent(Event.Kind.MARK);
        try {
            record(end, stream);
            await(end);
        } finally {
            opened.abandon(Opened.Kind.EVENT, end.handle());
        }
    }

    @Override
    public Event openEvent(Event.Kind kind) {
        int flags = kind == Event.Kind.MARK ? EVENT_WITHOUT_TIME : 0;
        return new Event(opened.add(Opened.Kind.EVENT, cuda.obtain("cuEventCreate", flags)));
    }

    @Override
    public void closeEvent(Event event) {
        opened.close(Opened.Kind.EVENT, event.handle());
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
                                + " s (--watchdog-timeout); check dmesg for an Xid error, reset the GPU (nvidia-smi -r)"
                                + " and start again");
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
        captures.begin(stream);
    }

    @Override
    public Graph endCapture(Stream stream) {
        return captures.end(stream);
    }

    @Override
    public void launch(Stream stream, Graph graph) {
        captures.launch(stream, graph);
    }

    @Override
    public void closeGraph(Graph graph) {
        captures.close(graph);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Piece by piece: cuBLASLt holds the context as well, which outlives its release here. A GPU that does not answer would
     * never return from it, so it keeps what it has.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (answers) {
            cuda.status("cuCtxSetCurrent", context);
            captures.abandon();
            products.close();
            opened.closeAll();
            kernels.close();
            cuda.status("cuDevicePrimaryCtxRelease_v2", device);
        } else {
            products.forget();
        }
        launcher.close();
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
