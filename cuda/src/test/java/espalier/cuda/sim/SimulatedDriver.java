package espalier.cuda.sim;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Copy2D;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Graph;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Nvrtc;
import espalier.cuda.driver.ProductLibrary;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.cuda.driver.TensorMap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * A GPU on the CPU: {@link Driver} over the {@link Simulator}, with NVRTC's real output as its machine code.
 *
 * <p>Queued work runs as late as the program leaves it ({@link Queues}): a copy from page-locked memory reads it when
 * somebody waits for it, a result is there only after a wait. What the checks have found is in {@link #findings}.
 */
public final class SimulatedDriver implements Driver {
    private static final String TOLD = "espalier.cuda.told"; // a process says it once
    private static final int REGISTERS_PER_MULTIPROCESSOR_THREADS = 2048;

    private final Setup setup;
    private final PtxCompiler compiler;
    private final Simulator simulator;
    private final Heap heap;
    private final Queues queues = new Queues();
    private final ReferenceProducts products;
    private final Faults faults = new Faults();
    private final DeviceProperties properties;
    private final Map<Program, Map<String, KernelCode>> modules = new HashMap<>();
    private final List<KernelCode> kernels = new ArrayList<>();
    private final Map<Long, MemorySegment> pinned = new HashMap<>();
    private final Map<Long, Arena> pinnedArenas = new HashMap<>();

    /**
     * What is simulated.
     *
     * @param arch "80", "90a"
     * @param schedule of blocks and warps: 0 in order, 1 in reverse, others at random
     * @param checked whether the checks are on
     * @param memoryBytes of the device
     * @param source changes every source file before it is compiled, {@code ptx} the PTX before it is read: how tests
     *     plant mistakes
     */
    public record Setup(
            String arch,
            int schedule,
            boolean checked,
            long memoryBytes,
            UnaryOperator<String> source,
            UnaryOperator<String> ptx) {
        private static final long DEFAULT_MEMORY = 512L << 20;

        public static Setup of(String arch) {
            return new Setup(arch, 0, true, DEFAULT_MEMORY, UnaryOperator.identity(), UnaryOperator.identity());
        }

        public Setup schedule(int next) {
            return new Setup(arch, next, checked, memoryBytes, source, ptx);
        }

        public Setup unchecked() {
            return new Setup(arch, schedule, false, memoryBytes, source, ptx);
        }

        public Setup memoryBytes(long next) {
            return new Setup(arch, schedule, checked, next, source, ptx);
        }

        Setup source(UnaryOperator<String> edit) {
            return new Setup(arch, schedule, checked, memoryBytes, edit, ptx);
        }

        Setup ptx(UnaryOperator<String> edit) {
            return new Setup(arch, schedule, checked, memoryBytes, source, edit);
        }
    }

    private SimulatedDriver(Setup setup, PtxCompiler compiler) {
        this.setup = setup;
        this.compiler = compiler;
        simulator = new Simulator(setup.checked(), setup.schedule());
        heap = new Heap(simulator, setup.memoryBytes());
        products = new ReferenceProducts(simulator, heap, queues, faults);
        properties = Architectures.properties(setup.arch(), setup.memoryBytes());
    }

    /** A device, or nothing (and a printed line that says how to get NVRTC) on a machine that has no NVRTC. */
    public static Optional<SimulatedDriver> open(Setup setup) {
        Optional<PtxCompiler> compiler = PtxCompiler.find(setup.arch());
        if (compiler.isEmpty() && System.setProperty(TOLD, "once") == null) {
            System.out.println("The CUDA kernels were not executed: " + Nvrtc.HOW_TO_GET);
        }
        return compiler.map(c -> new SimulatedDriver(setup, c));
    }

    // What tests ask

    /** What the checks have found so far. */
    public Collection<Finding> findings() {
        return simulator.findings();
    }

    /** Fails, with the text of each, if a check has found something. */
    public void expectNoFindings() {
        if (!findings().isEmpty()) {
            var text = new StringBuilder("sm_" + setup.arch() + ", schedule " + setup.schedule() + ": "
                    + findings().size() + " findings");
            findings().forEach(f -> text.append("\n  ").append(f));
            throw new AssertionError(text.toString());
        }
    }

    /** What was compiled so far. */
    public Set<Program> programs() {
        return Set.copyOf(modules.keySet());
    }

    public Counters counters() {
        return simulator.counters;
    }

    /** Lets calls fail. */
    public Faults faults() {
        return faults;
    }

    Simulator simulator() {
        return simulator;
    }

    // Memory

    @Override
    public DeviceProperties properties() {
        return properties;
    }

    @Override
    public void bind() {
        faults.at("bind");
    }

    @Override
    public Memory memory() {
        faults.at("memory");
        return new Memory(heap.free(), heap.total());
    }

    @Override
    public long allocate(long bytes, String what) {
        faults.at("allocate");
        queues.refuseInCapture("an allocation");
        return heap.allocate(bytes, what);
    }

    @Override
    public void free(long address) {
        faults.at("free");
        queues.refuseInCapture("a free");
        queues.drainAll();
        heap.free(address);
    }

    @Override
    public MemorySegment allocatePinned(long bytes) {
        faults.at("allocatePinned");
        queues.refuseInCapture("an allocation");
        Arena arena = Arena.ofShared();
        MemorySegment memory = arena.allocate(bytes, 256);
        pinned.put(memory.address(), memory);
        pinnedArenas.put(memory.address(), arena);
        return memory;
    }

    @Override
    public void freePinned(MemorySegment memory) {
        faults.at("freePinned");
        queues.drainAll();
        if (pinned.remove(memory.address()) == null) {
            throw new IllegalArgumentException("not page-locked, or freed before");
        }
        pinnedArenas.remove(memory.address()).close();
    }

    private boolean isPinned(MemorySegment memory) {
        return pinned.values().stream()
                .anyMatch(p -> memory.isNative()
                        && memory.address() >= p.address()
                        && memory.address() + memory.byteSize() <= p.address() + p.byteSize());
    }

    @Override
    public void upload(Stream stream, MemorySegment from, long to) {
        faults.at("upload");
        MemorySegment source = from;
        if (!isPinned(from)) {
            queues.refuseInCapture("a copy from memory that is not page-locked");
            source = MemorySegment.ofArray(from.toArray(ValueLayout.JAVA_BYTE));
        }
        MemorySegment bytes = source;
        queues.add(stream, () -> heap.write(to, bytes));
    }

    @Override
    public void download(Stream stream, long from, MemorySegment to) {
        faults.at("download");
        queues.add(stream, () -> heap.read(from, to));
    }

    @Override
    public void copy(Stream stream, long from, long to, long bytes) {
        faults.at("copy");
        queues.add(stream, () -> heap.copy(from, to, bytes));
    }

    @Override
    public void copy(Stream stream, Copy2D rows) {
        faults.at("copy");
        for (long row = 0; row < rows.rows(); row++) {
            long to = rows.to() + row * rows.toPitch(), from = row * rows.fromPitch();
            switch (rows.from()) {
                case Copy2D.Source.Host host -> upload(stream, host.memory().asSlice(from, rows.rowBytes()), to);
                case Copy2D.Source.Device device ->
                    queues.add(stream, () -> heap.copy(device.address() + from, to, rows.rowBytes()));
            }
        }
    }

    @Override
    public void fill(Stream stream, long to, int word, long words) {
        faults.at("fill");
        queues.add(stream, () -> heap.fill(to, word, words));
    }

    // Kernels

    @Override
    public void prepare(Collection<Program> programs, Progress progress) {
        faults.at("prepare");
        int done = 0;
        for (Program program : programs) {
            module(program);
            progress.prepared(++done, programs.size());
        }
    }

    private Map<String, KernelCode> module(Program program) {
        return modules.computeIfAbsent(program, p -> {
            queues.refuseInCapture("a compilation");
            var headers = new HashMap<String, String>();
            p.headers().forEach((name, text) -> headers.put(name, setup.source().apply(text)));
            String source = setup.source().apply(p.source());
            String ptx = compiler.ptx(new Program(p.name(), source, headers, p.defines()));
            return PtxModule.kernels(setup.ptx().apply(ptx), heap::variable);
        });
    }

    @Override
    public Kernel kernel(Program program, String name) {
        faults.at("kernel");
        KernelCode code = module(program).get(name);
        if (code == null) {
            throw new IllegalArgumentException(name + " is not in " + program.title() + " for sm_" + setup.arch()
                    + ", which has " + module(program).keySet());
        }
        int known = kernels.indexOf(code);
        if (known < 0) {
            known = kernels.size();
            kernels.add(code);
        }
        return new Kernel(known, name);
    }

    /** By threads and shared memory; a real device's registers may allow fewer. */
    @Override
    public int blocksPerMultiprocessor(Kernel kernel, int threads, int sharedBytes) {
        faults.at("blocksPerMultiprocessor");
        int shared = code(kernel).staticSharedBytes() + sharedBytes;
        if (shared > properties.sharedBytesPerBlock()) {
            return 0;
        }
        int byThreads = REGISTERS_PER_MULTIPROCESSOR_THREADS / Math.ceilDiv(threads, 32) / 32;
        return Math.min(byThreads, shared == 0 ? byThreads : properties.sharedBytesPerBlock() / shared);
    }

    private KernelCode code(Kernel kernel) {
        return kernels.get((int) kernel.handle());
    }

    @Override
    public void launch(Stream stream, Kernel kernel, Launch launch, Arguments arguments) {
        faults.at("launch");
        KernelCode code = code(kernel);
        byte[] params = Simulator.parameters(code, arguments);
        int shared = code.staticSharedBytes() + launch.sharedBytes();
        if (shared > properties.sharedBytesPerBlock()) {
            throw new IllegalArgumentException(code.name + " wants " + shared + " bytes of shared memory; sm_"
                    + setup.arch() + " has " + properties.sharedBytesPerBlock() + " for a block");
        }
        queues.addLaunch(
                stream,
                launch.order() == Launch.Order.DEPENDENT && properties.major() >= 9,
                before -> simulator.launch(code, launch, params, before));
    }

    @Override
    public TensorMap tensorMap(TensorMap.Layout layout) {
        faults.at("tensorMap");
        return new TensorMap(EncodedMap.of(layout).encode());
    }

    @Override
    public ProductLibrary products() {
        return products;
    }

    // Streams, events, graphs

    @Override
    public Stream openStream() {
        faults.at("openStream");
        return queues.open();
    }

    @Override
    public void closeStream(Stream stream) {
        faults.at("closeStream");
        queues.close(stream);
    }

    @Override
    public void synchronize(Stream stream) {
        faults.at("synchronize");
        queues.drain(stream);
    }

    @Override
    public Event openEvent(Event.Kind kind) {
        faults.at("openEvent");
        return queues.openEvent();
    }

    @Override
    public void closeEvent(Event event) {
        faults.at("closeEvent");
        queues.closeEvent(event);
    }

    @Override
    public void record(Event event, Stream stream) {
        faults.at("record");
        queues.record(event, stream, simulator.counters::instructions);
    }

    @Override
    public void await(Stream stream, Event event) {
        faults.at("await");
        queues.await(stream, event);
    }

    @Override
    public void await(Event event) {
        faults.at("await");
        queues.await(event);
    }

    @Override
    public boolean reached(Event event) {
        faults.at("reached");
        return queues.reached(event);
    }

    /** Executed warp instructions in between, as if each took a nanosecond. */
    @Override
    public float milliseconds(Event from, Event to) {
        faults.at("milliseconds");
        return (queues.mark(to) - queues.mark(from)) / 1e6f;
    }

    @Override
    public void beginCapture(Stream stream) {
        faults.at("beginCapture");
        queues.beginCapture(stream);
    }

    @Override
    public Graph endCapture(Stream stream) {
        faults.at("endCapture");
        return queues.endCapture(stream);
    }

    @Override
    public void launch(Stream stream, Graph graph) {
        faults.at("launchGraph");
        queues.launch(stream, graph);
    }

    @Override
    public void closeGraph(Graph graph) {
        faults.at("closeGraph");
        queues.closeGraph(graph);
    }

    @Override
    public void close() {
        pinnedArenas.values().forEach(Arena::close);
        pinnedArenas.clear();
        pinned.clear();
    }
}
