package espalier.cuda.driver;

import java.lang.foreign.MemorySegment;
import java.util.Collection;

/**
 * One GPU, as narrowly as this project uses it: memory, copies, kernels, streams, events, graphs, matrix products. The
 * real one speaks to the CUDA driver, NVRTC and cuBLASLt; the simulated one (test scope) executes the PTX that NVRTC
 * emits, on the CPU.
 *
 * <p>An instance belongs to one rank: {@link #bind} makes it current on the thread that uses it, and one thread uses it
 * at a time. Device addresses are plain {@code long}s. Whatever takes a {@link Stream} is queued there and returns at
 * once; the rest waits.
 *
 * <p>Every call may throw an {@link espalier.api.EngineFault} of code RESOURCE (memory) or DEVICE (anything else) whose
 * message names the call, the CUDA error and the way out. After a DEVICE fault only {@link #close} is of use.
 */
public interface Driver extends AutoCloseable {

    DeviceProperties properties();

    /** Makes this GPU current on the calling thread. */
    void bind();

    // Memory

    Memory memory();

    /** How much of the GPU's memory is free at the moment, in bytes, of how much. */
    record Memory(long free, long total) {}

    /**
     * Memory on the device, aligned to 256 bytes, contents undefined.
     *
     * @param what it is for, as the out-of-memory message will name it
     */
    long allocate(long bytes, String what);

    void free(long address);

    /** Page-locked host memory, aligned to 256 bytes: copies to and from it run beside the host. */
    MemorySegment allocatePinned(long bytes);

    void freePinned(MemorySegment pinned);

    /** From host memory, which must stay as it is until the stream has come past the copy (pinned), or is read at once. */
    void upload(Stream stream, MemorySegment from, long to);

    /** To host memory, whose contents count once the stream has come past the copy. */
    void download(Stream stream, long from, MemorySegment to);

    void copy(Stream stream, long from, long to, long bytes);

    /** Rows of a matrix, between the host or the device and the device. */
    void copy(Stream stream, Copy2D rows);

    /** Sets {@code words} 32-bit words. */
    void fill(Stream stream, long to, int word, long words);

    // Kernels

    /** Compiles what is not yet compiled, several at once, and tells {@code progress} after each. */
    void prepare(Collection<Program> programs, Progress progress);

    /** Told how many programs of how many are compiled and loaded. */
    interface Progress {
        void prepared(int done, int all);
    }

    /** The entry {@code name} ({@code extern "C"}) of a program; compiled and loaded at first use, then remembered. */
    Kernel kernel(Program program, String name);

    /** Blocks of that many threads and dynamic shared bytes that fit on a multiprocessor at once. */
    int blocksPerMultiprocessor(Kernel kernel, int threads, int sharedBytes);

    /**
     * Queues a launch. The arguments are read before it returns.
     *
     * @throws IllegalArgumentException where number or sizes of the arguments are not those of the kernel
     */
    void launch(Stream stream, Kernel kernel, Launch launch, Arguments arguments);

    TensorMap tensorMap(TensorMap.Layout layout);

    /** Dense products by the vendor's library. */
    ProductLibrary products();

    // Streams, events, graphs

    Stream openStream();

    void closeStream(Stream stream);

    /** Waits until everything queued there has run. */
    void synchronize(Stream stream);

    Event openEvent(Event.Kind kind);

    void closeEvent(Event event);

    void record(Event event, Stream stream);

    /** Lets the stream wait for the newest record of the event. */
    void await(Stream stream, Event event);

    /** Lets the host wait for it; a device that does not answer for too long is given up with a fault. */
    void await(Event event);

    boolean reached(Event event);

    /** Between two events of kind TIMED that the stream has passed. */
    float milliseconds(Event from, Event to);

    /** From here on the stream's calls are recorded, not run; nothing may wait, allocate or compile meanwhile. */
    void beginCapture(Stream stream);

    Graph endCapture(Stream stream);

    void launch(Stream stream, Graph graph);

    void closeGraph(Graph graph);

    /** Ends whatever was opened or taken and is there still, the newest first. In any state of the GPU, and twice. */
    @Override
    void close();
}
