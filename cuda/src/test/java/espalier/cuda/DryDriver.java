package espalier.cuda;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Copy2D;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Graph;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Products;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.cuda.driver.TensorMap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** A driver that does nothing, at once: what is left is the host's own time. It counts launches. */
final class DryDriver implements Driver {
    private static final TensorMap MAP = new TensorMap(Arena.global().allocate(TensorMap.BYTES, 64));

    private static final long WORKSPACE_BYTES = 32 << 20;
    private static final long UNIT_BYTES = 512;

    private final DeviceProperties properties;
    private final Map<String, Long> taken = new TreeMap<>();
    private final Map<Long, Long> sizes = new HashMap<>();
    private long used;
    private long next = 1 << 20;
    private long handles;
    private long launches;
    private final Set<Program> asked = ConcurrentHashMap.newKeySet();
    private final Map<String, int[]> argumentSizes = new TreeMap<>();
    private boolean opened;

    /** A card of compute capability {@code major}.0, 80 GiB. */
    DryDriver(int major) {
        this(new DeviceProperties(
                0, "dry", major, 0, 132, major < 9 ? 163 << 10 : 227 << 10, 50L << 20, 80L << 30, 13000));
    }

    DryDriver(DeviceProperties properties) {
        this.properties = properties;
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
        return Set.copyOf(asked);
    }

    /** Of kernels that were launched, by name: bytes of each argument. */
    Map<String, int[]> argumentSizes() {
        return argumentSizes;
    }

    @Override
    public DeviceProperties properties() {
        return properties;
    }

    @Override
    public void bind() {}

    @Override
    public Memory memory() {
        return new Memory(properties.memoryBytes() - used, properties.memoryBytes());
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
    public MemorySegment allocatePinned(long bytes) {
        return Arena.ofAuto().allocate(bytes, 256);
    }

    @Override
    public void freePinned(MemorySegment pinned) {}

    @Override
    public void upload(Stream stream, MemorySegment from, long to) {}

    @Override
    public void download(Stream stream, long from, MemorySegment to) {}

    @Override
    public void copy(Stream stream, long from, long to, long bytes) {}

    @Override
    public void copy(Stream stream, Copy2D rows) {}

    @Override
    public void fill(Stream stream, long to, int word, long words) {}

    @Override
    public void prepare(Collection<Program> programs, Progress progress) {
        asked.addAll(programs);
    }

    @Override
    public Kernel kernel(Program program, String name) {
        asked.add(program);
        return new Kernel(++handles, name);
    }

    @Override
    public int blocksPerMultiprocessor(Kernel kernel, int threads, int sharedBytes) {
        return 1;
    }

    @Override
    public void launch(Stream stream, Kernel kernel, Launch launch, Arguments arguments) {
        launches++;
        if (!argumentSizes.containsKey(kernel.name())) {
            var sizes = new int[arguments.count()];
            Arrays.setAll(sizes, arguments::size);
            argumentSizes.put(kernel.name(), sizes);
        }
    }

    @Override
    public TensorMap tensorMap(TensorMap.Layout layout) {
        return MAP;
    }

    @Override
    public Products products() {
        return new Products() {
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
            public Plan plan(Shape shape, Choice choice, Operands probe) {
                return new Plan(0, shape, 0);
            }

            @Override
            public void multiply(Stream stream, Plan plan, Operands operands) {
                launches++;
            }
        };
    }

    @Override
    public Stream openStream() {
        return new Stream(++handles);
    }

    @Override
    public void closeStream(Stream stream) {}

    @Override
    public void synchronize(Stream stream) {}

    @Override
    public Event openEvent(Event.Kind kind) {
        return new Event(++handles);
    }

    @Override
    public void closeEvent(Event event) {}

    @Override
    public void record(Event event, Stream stream) {}

    @Override
    public void await(Stream stream, Event event) {}

    @Override
    public void await(Event event) {}

    @Override
    public boolean reached(Event event) {
        return true;
    }

    @Override
    public float milliseconds(Event from, Event to) {
        return 0;
    }

    @Override
    public void beginCapture(Stream stream) {}

    @Override
    public Graph endCapture(Stream stream) {
        return new Graph(++handles);
    }

    @Override
    public void launch(Stream stream, Graph graph) {
        launches++;
    }

    @Override
    public void closeGraph(Graph graph) {}

    @Override
    public void close() {}
}
