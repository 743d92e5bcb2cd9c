package espalier.cuda;

import espalier.api.EngineFault;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Graph;
import espalier.cuda.driver.Stream;
import espalier.cuda.kernel.DeviceSampler;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.tensor.Buffer;
import espalier.tensor.Collective;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceClock;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Sampler;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One GPU as the engine sees it: everything is queued on one stream, decoding steps as recorded graphs.
 *
 * <p>Memory is taken once: weights while a model is loaded; the cache, activations, tables, the sampler and what kernels keep
 * for themselves when a rank starts. Serving allocates nothing. What the driver itself takes, for recorded steps say, comes out
 * of a reserve.
 */
public final class CudaDevice implements Device {
    private static final long MEBIBYTE = 1L << 20;

    /** For the driver, as SGLang leaves it: its code and stacks, and for a recorded step by its sequences. */
    private static final long DRIVER_BYTES = 512 * MEBIBYTE;

    private static final long RECORDED_BYTES = 2 * MEBIBYTE;

    /** Large cards keep so much in all, whatever a step takes. */
    private static final long LARGE_RESERVE_BYTES = 10L << 30;

    /** Between allocations, layers of the cache and weights; a driver hands memory out in units of 512 bytes. */
    private static final long ROUNDING_BYTES = 1 << 20;

    private static final long LARGE_MEMORY_BYTES = 60L << 30;

    private static final int ROWS_PER_MULTIPROCESSOR = 64;

    private static final int FIRST_WITH_BF16 = 80;

    /** Of attention's kernels. */
    private static final int HEAD_STEP = 16;

    private static final int MOST_HEAD_DIM = 256;

    /** Partial results of attention grow with them: some gigabytes for 1,024 sequences of 131,072 positions. */
    private static final long MOST_POSITIONS = 1 << 25;

    /** Bytes of memory for each position, of which partial results off Hopper take 64 where heads have 4,096 elements. */
    private static final long POSITION_BYTES = 1024;

    private final Driver driver;
    private final Setup setup;
    private final Stream stream;
    private final ProductKernels products;
    private final CudaOps ops;
    private final CudaWeights weights;
    private final Collective alone = ThreadRanks.alone();
    private final Map<Recorded, Graph> graphs = new HashMap<>();
    private @Nullable CudaClock clock;
    private @Nullable Thread bound;
    private boolean closed;

    /**
     * What a device is told.
     *
     * @param activations BF16 or F16
     * @param mostRecorded the largest batch that is recorded; 0 for none
     * @param choices where the fastest products are remembered
     * @param sharedPrefixes from where on a prefix is read once for the sequences that share it
     */
    public record Setup(
            DType activations,
            int mostRecorded,
            ProductKernels.Mode mode,
            Tuning tuning,
            ProductChoices choices,
            SharedPrefixes.Least sharedPrefixes) {

        /** Every sequence is read by itself. */
        public Setup(
                DType activations, int mostRecorded, ProductKernels.Mode mode, Tuning tuning, ProductChoices choices) {
            this(activations, mostRecorded, mode, tuning, choices, SharedPrefixes.Least.NEVER);
        }
    }

    /** Whether products are measured while a model is loaded. */
    public enum Tuning {
        MEASURED,
        ASSUMED
    }

    /**
     * Takes over the driver.
     *
     * @throws EngineFault where the GPU does not compute in the activations' type; the driver is the caller's then
     */
    public CudaDevice(Driver driver, Setup setup) {
        requireServed(driver.properties(), setup.activations);
        this.driver = driver;
        this.setup = setup;
        driver.bind();
        bound = Thread.currentThread();
        stream = driver.openStream();
        products = new ProductKernels(driver, stream, setup.mode, setup.choices);
        products.openLibrary();
        ops = new CudaOps(driver, stream, setup.activations, products, leastSharing());
        weights = new CudaWeights(driver, stream, setup, products);
    }

    private static void requireServed(DeviceProperties gpu, DType activations) {
        if (activations == DType.BF16 && gpu.computeCapability() < FIRST_WITH_BF16) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    gpu.name() + " has compute capability " + gpu.major() + "." + gpu.minor()
                            + ", whose tensor cores do not compute in bfloat16; choose --dtype float16");
        }
    }

    @Override
    public String name() {
        return driver.properties().name();
    }

    /** The calling thread becomes the one that uses the GPU. */
    private Driver here() {
        Thread now = Thread.currentThread();
        if (bound != now) {
            driver.bind();
            bound = now;
        }
        return driver;
    }

    @Override
    public Ops ops() {
        here();
        return ops;
    }

    @Override
    public Buffer allocate(long bytes) {
        return zeroed(bytes, "activations and tables");
    }

    private CudaBuffer zeroed(long bytes, String what) {
        long room = Math.ceilDiv(Math.max(1, bytes), 4) * 4;
        long at = here().allocate(room, what);
        driver.fill(stream, at, 0, room / 4);
        return new CudaBuffer(at, bytes);
    }

    @Override
    public void expectWeights(LongSupplier bytes) {
        weights.expect(bytes.getAsLong());
    }

    @Override
    public Buffer place(MemorySegment bytes) {
        here();
        return weights.place(bytes);
    }

    @Override
    public @Nullable Buffer placeUniform(DType dtype, long count, long seed, float bound) {
        here();
        return weights.placeUniform(dtype, count, seed, bound);
    }

    @Override
    public void upload(MemorySegment from, Buffer to, long toOffset) {
        java.util.Objects.checkFromIndexSize(toOffset, from.byteSize(), to.bytes());
        here();
        weights.send(from, CudaBuffer.of(to).address() + toOffset);
    }

    @Override
    public void download(Buffer from, long fromOffset, MemorySegment to) {
        java.util.Objects.checkFromIndexSize(fromOffset, to.byteSize(), from.bytes());
        here();
        driver.download(stream, CudaBuffer.of(from).address() + fromOffset, to);
        driver.synchronize(stream);
    }

    /** Kernels of products read 16 bits. */
    @Override
    public Matrices matrices() {
        return Matrices.AS_ACTIVATIONS;
    }

    @Override
    public Matrix prepare(Matrix stored, Matrix.Stored after) {
        here();
        return weights.prepare(stored, setup.activations, Integer.MAX_VALUE);
    }

    @Override
    public Matrix prepareHead(Matrix stored, Matrix.Stored after) {
        here();
        return weights.prepare(stored, DType.F32, mostRunning()); // rows of logits at once
    }

    @Override
    public KvCache kvCache(KvCache.Shape shape) {
        if (shape.type() != KvType.of(setup.activations)) {
            String wayOut = shape.type().isNarrow()
                    ? "; leave out --kv-cache-dtype, or use --device cpu"
                    : "; choose --dtype bfloat16 or float16";
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "a CUDA device keeps keys and values in " + setup.activations + ", not in " + shape.type()
                            + wayOut);
        }
        requireHeads(shape.headDim());
        return new CudaKvCache(
                shape, zeroed(CudaKvCache.bytes(shape), "the KV cache").address());
    }

    private static void requireHeads(int headDim) {
        if (headDim % HEAD_STEP != 0 || headDim > MOST_HEAD_DIM) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "the model's attention heads have " + headDim + " elements; a CUDA device serves multiples of "
                            + HEAD_STEP + " up to " + MOST_HEAD_DIM + "; use --device cpu");
        }
    }

    @Override
    public Sampler sampler(Sampler.Size size) {
        return new CudaSampler(here(), stream, size);
    }

    @Override
    public Collective collective() {
        return alone;
    }

    @Override
    public boolean runsAhead() {
        return true;
    }

    @Override
    public DeviceClock clock(int slots) {
        here();
        CudaClock clock = this.clock;
        if (clock == null || clock.slots() < slots) {
            clock = new CudaClock(driver, stream, slots);
            this.clock = clock;
        }
        clock.meet();
        return clock;
    }

    /**
     * Long prompt pieces and many sequences: what a GPU is filled by. Where memory is plenty it holds so many sequences that
     * the step is bound by arithmetic rather than by reading the weights. Pieces and reserve are SGLang's by memory, but what
     * a step takes is known here, where SGLang estimates it.
     *
     * <p>Hopper's products of prompts have tiles of 128 rows and 256 columns: with 64 rows a multiprocessor, and columns in
     * thousands, each has equally many. Of Llama-3.1-8B's products on an H200, 8,448 rows take as long as 8,192.
     */
    @Override
    public Defaults defaults() {
        long memory = driver.properties().memoryBytes();
        boolean hopper = driver.properties().computeCapability() == 90;
        int fullRows = hopper ? ROWS_PER_MULTIPROCESSOR * driver.properties().multiprocessors() : 0;
        long besides = Math.min(DRIVER_BYTES + RECORDED_BYTES * setup.mostRecorded, memory / 8);
        var cache = new CacheShare.AllBut(besides, isLarge() ? LARGE_RESERVE_BYTES : 0);
        return new Defaults(mostRunning(), prefillTokens(memory >> 30), 2048, 256, fullRows, cache);
    }

    private boolean isLarge() {
        return driver.properties().memoryBytes() >= LARGE_MEMORY_BYTES;
    }

    private int mostRunning() {
        return isLarge() ? 1024 : 256;
    }

    private static int prefillTokens(long gibibytes) {
        return gibibytes < 35 ? 2048 : gibibytes < 60 ? 4096 : gibibytes < 160 ? 8192 : 16_384;
    }

    @Override
    public long mostPositions() {
        return Math.min(MOST_POSITIONS, driver.properties().memoryBytes() / POSITION_BYTES);
    }

    @Override
    public long ownBytes(Recorded most, Set<Ops.Attending> attending) {
        here();
        long all = ROUNDING_BYTES + products.libraryBytes();
        for (Ops.Attending kind : attending) {
            requireHeads(kind.headDim());
            all += ops.attentionBytes(kind, most.sequences(), most.longest());
        }
        return all;
    }

    @Override
    public long samplerBytes(Sampler.Size size) {
        return DeviceSampler.deviceBytes(size);
    }

    @Override
    public long preparedBytes(Matrix stored) {
        return weights.preparedBytes(stored);
    }

    @Override
    public SharedPrefixes.Least sharedPrefixes() {
        return setup.sharedPrefixes;
    }

    private int leastSharing() {
        SharedPrefixes.Least least = setup.sharedPrefixes;
        return least.equals(SharedPrefixes.Least.NEVER) ? 0 : least.sequences();
    }

    /** 1, 2, 4, 8, then by 8 to 128, by 16 to 256, by 32 beyond; what attention chooses by length, once for each choice. */
    @Override
    public List<Recorded> recordedSteps(Recorded most) {
        var steps = new ArrayList<Recorded>();
        int last = Math.min(most.sequences(), setup.mostRecorded);
        for (int next = 1;
                next < last;
                next += next < 4 ? next : next < 8 ? 4 : next < 128 ? 8 : next < 256 ? 16 : 32) {
            addRecorded(next, most.longest(), steps);
        }
        if (last > 0) {
            addRecorded(last, most.longest(), steps);
        }
        return List.copyOf(steps);
    }

    /** Attention takes its workspaces at its first pass; recorded steps are such passes. */
    @Override
    public List<Recorded> firstSteps(Recorded most) {
        if (setup.mostRecorded > 0) {
            return List.of();
        }
        var alone = new Recorded(1, most.longest());
        return setup.sharedPrefixes.sequences() <= most.sequences() ? List.of(alone, alone.sharing()) : List.of(alone);
    }

    /** Every kernel that a step of up to so many rows may take is compiled, several at once, and loaded. */
    @Override
    public void rehearse(int mostRows, Consumer<Ops> pass) {
        var rehearsal = new Rehearsal(here().properties(), driver.products());
        var every = ProductKernels.rehearsed(rehearsal, stream, setup.mode, setup.choices, mostRows);
        var on = new CudaOps(rehearsal, stream, setup.activations, every, leastSharing());
        on.rehearseStep();
        pass.accept(on);
        new DeviceSampler(rehearsal, stream, new Sampler.Size(1, 1, 1));
        driver.prepare(rehearsal.programs(), (_, _) -> {});
    }

    private void addRecorded(int sequences, int longest, List<Recorded> to) {
        if (sequences <= PagedAttention.FEW_SEQUENCES && longest > PagedAttention.FEW_POSITIONS) {
            to.add(new Recorded(sequences, PagedAttention.FEW_POSITIONS));
        }
        to.add(new Recorded(sequences, longest));
    }

    /** The first time the calls run before they are recorded, so that nothing is compiled or measured meanwhile. */
    @Override
    public void replay(Recorded step, Runnable calls) {
        Graph graph = graphs.get(step);
        if (graph != null) {
            here().launch(stream, graph);
            return;
        }
        here();
        ops.forgetPlans();
        calls.run();
        driver.synchronize(stream);
        ops.forgetPlans();
        driver.beginCapture(stream);
        calls.run();
        graphs.put(step, driver.endCapture(stream));
        ops.forgetPlans();
    }

    @Override
    public long availableBytes() {
        return here().memory().free();
    }

    /** Bytes of the weights that were placed. */
    public long weightBytes() {
        return weights.takenBytes();
    }

    /** Whatever state the GPU is in: the driver ends all that was made of it. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            driver.close();
        }
    }
}
