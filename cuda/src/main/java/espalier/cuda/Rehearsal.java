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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * A driver on which nothing happens: it notes which programs are asked for. What runs on it chooses kernels exactly as it
 * does on the GPU whose properties this one has, so nobody lists beside the ops which programs they need.
 */
final class Rehearsal implements Driver {
    private static final long SOME_ADDRESS = 1 << 20;

    private final DeviceProperties properties;
    private final ProductLibrary library;
    private final Set<Program> programs = new LinkedHashSet<>();
    private final TensorMap map = new TensorMap(Arena.ofAuto().allocate(TensorMap.BYTES, 64));
    private long handles;

    /** @param library tells whether it is there and what it would take; it computes nothing */
    Rehearsal(DeviceProperties properties, ProductLibrary library) {
        this.properties = properties;
        this.library = library;
    }

    /** All that were asked for, in that order. */
    Set<Program> programs() {
        return programs;
    }

    @Override
    public DeviceProperties properties() {
        return properties;
    }

    @Override
    public void bind() {}

    @Override
    public Memory memory() {
        return new Memory(properties.memoryBytes(), properties.memoryBytes());
    }

    @Override
    public long allocate(long bytes, String what) {
        return SOME_ADDRESS;
    }

    @Override
    public void free(long address) {}

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
    public void prepare(Collection<Program> wanted, Progress progress) {
        programs.addAll(wanted);
    }

    @Override
    public Kernel kernel(Program program, String name) {
        programs.add(program);
        return new Kernel(++handles, name);
    }

    @Override
    public int blocksPerMultiprocessor(Kernel kernel, int threads, int sharedBytes) {
        return 1;
    }

    @Override
    public void launch(Stream stream, Kernel kernel, Launch launch, Arguments arguments) {}

    @Override
    public TensorMap tensorMap(TensorMap.Layout layout) {
        return map;
    }

    @Override
    public ProductLibrary products() {
        return new ProductLibrary() {
            @Override
            public String missing() {
                return library.missing();
            }

            @Override
            public String version() {
                return library.version();
            }

            @Override
            public void open() {}

            @Override
            public long workspaceBytes() {
                return library.workspaceBytes();
            }

            @Override
            public Plan plan(Shape shape, Algorithm algorithm, Operands probe) {
                return new Plan(0, shape, 0);
            }

            @Override
            public void multiply(Stream stream, Plan plan, Operands operands) {}
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
    public void launch(Stream stream, Graph graph) {}

    @Override
    public void closeGraph(Graph graph) {}

    @Override
    public void close() {}
}
