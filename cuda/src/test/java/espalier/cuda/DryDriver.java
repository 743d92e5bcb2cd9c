package espalier.cuda;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Copy2D;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Graph;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.ProductLibrary;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.cuda.driver.TensorMap;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/** A {@link Rehearsal}, on which nothing happens, so that the host's own time is left; it counts memory and launches. */
final class DryDriver implements Driver {
    private static final long WORKSPACE_BYTES = 32 << 20;
    private static final long UNIT_BYTES = 512;

    private final Library library = new Library();
    private final Rehearsal nothing;
    private final Map<String, Long> taken = new TreeMap<>();
    private final Map<Long, Long> sizes = new HashMap<>();
    private final Map<String, int[]> argumentSizes = new TreeMap<>();
    private long used;
    private long next = 1 << 20;
    private long launches;

    /** A card of compute capability {@code major}.0, 80 GiB. */
    DryDriver(int major) {
        this(new DeviceProperties(
                0, "dry", major, 0, 132, major < 9 ? 163 << 10 : 227 << 10, 50L << 20, 80L << 30, 13000));
    }

    DryDriver(DeviceProperties properties) {
        nothing = new Rehearsal(properties, library);
    }

    /** Kernels and graphs launched so far. */
    long launches() {
        return launches;
    }

    /** Bytes taken and not given back, as a driver counts them. */
    long used() {
        return used;
    }

    /** What was taken, by its name. */
    Map<String, Long> taken() {
        return taken;
    }

    /** Programs that a GPU would have compiled and loaded so far. */
    Set<Program> asked() {
        return Set.copyOf(nothing.programs());
    }

    /** Of kernels that were launched, by name: bytes of each argument. */
    Map<String, int[]> argumentSizes() {
        return argumentSizes;
    }

    /** The vendor's, which takes memory when it is opened. */
    private final class Library implements ProductLibrary {
        private boolean opened;

        @Override
        public String missing() {
            return "";
        }

        @Override
        public String version() {
            return "dry";
        }

        @Override
        public void open() {
            if (!opened) {
                opened = true;
                allocate(WORKSPACE_BYTES, "the library");
            }
        }

        @Override
        public long workspaceBytes() {
            return WORKSPACE_BYTES;
        }

        @Override
        public Plan plan(Shape shape, Algorithm algorithm, Operands probe) {
            return nothing.products().plan(shape, algorithm, probe);
        }

        @Override
        public void multiply(Stream stream, Plan plan, Operands operands) {
            launches++;
        }
    }

    @Override
    public Memory memory() {
        long all = nothing.memory().total();
        return new Memory(all - used, all);
    }

    @Override
    public long allocate(long bytes, String what) {
        long at = next;
        long room = Math.ceilDiv(bytes, UNIT_BYTES) * UNIT_BYTES;
        next += room;
        used += room;
        sizes.put(at, room);
        taken.merge(what, room, Long::sum);
        return at;
    }

    @Override
    public void free(long address) {
        used -= Objects.requireNonNull(sizes.remove(address));
    }

    @Override
    public void launch(Stream stream, Kernel kernel, Launch launch, Arguments arguments) {
        launches++;
        if (!argumentSizes.containsKey(kernel.name())) {
            var bytes = new int[arguments.count()];
            Arrays.setAll(bytes, arguments::size);
            argumentSizes.put(kernel.name(), bytes);
        }
    }

    @Override
    public void launch(Stream stream, Graph graph) {
        launches++;
    }

    @Override
    public ProductLibrary products() {
        return library;
    }

    // The rest is the rehearsal's.

    @Override
    public DeviceProperties properties() {
        return nothing.properties();
    }

    @Override
    public void bind() {
        nothing.bind();
    }

    @Override
    public MemorySegment allocatePinned(long bytes) {
        return nothing.allocatePinned(bytes);
    }

    @Override
    public void freePinned(MemorySegment pinned) {
        nothing.freePinned(pinned);
    }

    @Override
    public void upload(Stream stream, MemorySegment from, long to) {
        nothing.upload(stream, from, to);
    }

    @Override
    public void download(Stream stream, long from, MemorySegment to) {
        nothing.download(stream, from, to);
    }

    @Override
    public void copy(Stream stream, long from, long to, long bytes) {
        nothing.copy(stream, from, to, bytes);
    }

    @Override
    public void copy(Stream stream, Copy2D rows) {
        nothing.copy(stream, rows);
    }

    @Override
    public void fill(Stream stream, long to, int word, long words) {
        nothing.fill(stream, to, word, words);
    }

    @Override
    public void prepare(Collection<Program> programs, Progress progress) {
        nothing.prepare(programs, progress);
    }

    @Override
    public Kernel kernel(Program program, String name) {
        return nothing.kernel(program, name);
    }

    @Override
    public int blocksPerMultiprocessor(Kernel kernel, int threads, int sharedBytes) {
        return nothing.blocksPerMultiprocessor(kernel, threads, sharedBytes);
    }

    @Override
    public TensorMap tensorMap(TensorMap.Layout layout) {
        return nothing.tensorMap(layout);
    }

    @Override
    public Stream openStream() {
        return nothing.openStream();
    }

    @Override
    public void closeStream(Stream stream) {
        nothing.closeStream(stream);
    }

    @Override
    public void synchronize(Stream stream) {
        nothing.synchronize(stream);
    }

    @Override
    public Event openEvent(Event.Kind kind) {
        return nothing.openEvent(kind);
    }

    @Override
    public void closeEvent(Event event) {
        nothing.closeEvent(event);
    }

    @Override
    public void record(Event event, Stream stream) {
        nothing.record(event, stream);
    }

    @Override
    public void await(Stream stream, Event event) {
        nothing.await(stream, event);
    }

    @Override
    public void await(Event event) {
        nothing.await(event);
    }

    @Override
    public boolean reached(Event event) {
        return nothing.reached(event);
    }

    @Override
    public float milliseconds(Event from, Event to) {
        return nothing.milliseconds(from, to);
    }

    @Override
    public void beginCapture(Stream stream) {
        nothing.beginCapture(stream);
    }

    @Override
    public Graph endCapture(Stream stream) {
        return nothing.endCapture(stream);
    }

    @Override
    public void closeGraph(Graph graph) {
        nothing.closeGraph(graph);
    }

    @Override
    public void close() {
        nothing.close();
    }
}
