package espalier.cpu;

import espalier.tensor.Buffer;
import espalier.tensor.Collective;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.KvCache;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Sampler;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.Tensor;
import espalier.tensor.host.HostBuffer;
import espalier.tensor.host.HostSampler;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * This machine's processors: Vector API kernels, spread over a team of threads inside each op. A call has finished when
 * it returns. Kernels address memory without liveness checks, so the device is closed by the thread that calls its ops.
 */
public final class CpuDevice implements Device {
    /** Less than that gained nothing (docs/performance.md). */
    private static final SharedPrefixes.Least SHARED_PREFIXES = new SharedPrefixes.Least(4, 256, 4096);

    private final Arena arena;
    private final Team team;
    private final OpMemory memory;
    private final Products products;
    private final List<String> remarks;
    private final CpuOps ops;
    /** Addresses of what {@link #allocate} gave: other memory may be the checkpoint's, and shared with other ranks. */
    private final Set<Long> taken = new HashSet<>();

    private final SharedPrefixes.Least sharedPrefixes;
    private final ThreadRanks group;
    private final Collective collective;

    /** A device by itself with its caller and {@code threads - 1} threads more. */
    public CpuDevice(int threads) {
        this(new DeviceProvider.Settings(1, threads), new ThreadRanks(1), 0);
    }

    /** @param settings the threads are those of this rank */
    CpuDevice(DeviceProvider.Settings settings, ThreadRanks group, int rank) {
        this(settings, group, rank, OpMemory.Source.USUAL, Placement.anywhere(settings.threads()));
    }

    /**
     * @param source where all of its memory comes from
     * @param placement of as many lanes as the settings have threads
     */
    CpuDevice(
            DeviceProvider.Settings settings,
            ThreadRanks group,
            int rank,
            OpMemory.Source source,
            Placement placement) {
        this(settings, group, rank, new Given(source, placement, Host.THIS));
    }

    /**
     * What the system gives a device.
     *
     * @param host where its machine code is to run
     */
    record Given(OpMemory.Source source, Placement placement, Host host) {}

    CpuDevice(DeviceProvider.Settings settings, ThreadRanks group, int rank, Given given) {
        this.group = group;
        collective = group.rank(rank);
        arena = given.source.arenas().get();
        team = new Team("espalier-cpu-" + rank, given.placement, Affinity::set);
        memory = new OpMemory(team.lanes(), given.source);
        products = chosen(settings, given.host);
        remarks = Stream.concat(crowd(settings).stream(), Stream.of(given.placement.remark()))
                .filter(line -> !line.isEmpty())
                .toList();
        ops = new CpuOps(new Crew(team, memory), arena, products);
        sharedPrefixes = switch (settings.cpu().prefixes()) {
            case SHARED -> SHARED_PREFIXES;
            case OWN -> SharedPrefixes.Least.NEVER;
        };
    }

    private Products chosen(DeviceProvider.Settings settings, Host host) {
        try {
            return Products.choose(settings, new Crew(team, memory), arena, host);
        } catch (RuntimeException refused) { // nobody else can close what there is so far
            team.close();
            arena.close();
            throw refused;
        }
    }

    /** A warning where threads are more than cores: a part that waits for its core keeps all the others waiting. */
    private static List<String> crowd(DeviceProvider.Settings settings) {
        int threads = settings.threads() * settings.ranks();
        int cores = Machine.local().physicalCores();
        return threads <= cores
                ? List.of()
                : List.of("warning: " + threads + " threads on " + cores + (cores == 1 ? " core" : " cores")
                        + " wait for each other; --cpu-threads " + Math.max(cores, settings.ranks()) + " is faster");
    }

    @Override
    public List<String> remarks() {
        return remarks;
    }

    @Override
    public int threads() {
        return team.lanes();
    }

    @Override
    public String kernels(Matrix stored) {
        return products.path(stored);
    }

    @Override
    public List<String> weightRemarks() {
        return products.remarks();
    }

    /** Memory that this device took for stored weights is given back. Mapped files are the page cache's to drop. */
    @Override
    public Matrix prepare(Matrix stored, Matrix.Stored after) {
        Matrix prepared = products.prepare(stored);
        if (after == Matrix.Stored.SPENT) {
            discard(stored, prepared);
        }
        return prepared;
    }

    private void discard(Matrix stored, Matrix prepared) {
        switch (stored) {
            case Matrix.Stacked(var parts) -> {
                for (int i = 0; i < parts.size(); i++) {
                    discard(parts.get(i), prepared instanceof Matrix.Stacked(var each) ? each.get(i) : prepared);
                }
            }
            case Matrix.Dense(Tensor values) when prepared instanceof Matrix.Prepared -> discard(values.buffer());
            case Matrix.Blocks b when prepared instanceof Matrix.Prepared -> discard(b.buffer());
            case Matrix.Dense _, Matrix.Blocks _, Matrix.Prepared _ -> {} // still in use
        }
    }

    private void discard(Buffer stored) {
        MemorySegment memory = HostBuffer.memory(stored);
        if (taken.remove(memory.address())) {
            Mapping.discard(memory);
        }
    }

    @Override
    public long preparedBytes(Matrix stored) {
        return products.bytes(stored);
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public Ops ops() {
        return ops;
    }

    @Override
    public Buffer allocate(long bytes) {
        MemorySegment memory = Mapping.allocate(arena, bytes);
        taken.add(memory.address());
        return new HostBuffer(memory);
    }

    /** Native memory, such as a mapped file, is used where it lies; an array is copied once. */
    @Override
    public Buffer place(MemorySegment bytes) {
        if (bytes.isNative()) {
            return new HostBuffer(bytes);
        }
        MemorySegment copy = Mapping.allocate(arena, bytes.byteSize());
        copy.copyFrom(bytes);
        return new HostBuffer(copy);
    }

    @Override
    public void upload(MemorySegment from, Buffer to, long toOffset) {
        MemorySegment.copy(from, 0, HostBuffer.memory(to), toOffset, from.byteSize());
    }

    @Override
    public void download(Buffer from, long fromOffset, MemorySegment to) {
        MemorySegment.copy(HostBuffer.memory(from), fromOffset, to, 0, to.byteSize());
    }

    @Override
    public KvCache kvCache(KvCache.Shape shape) {
        var cache = new CpuKvCache(shape, Mapping.allocate(arena, shape.bytes()).address());
        if (team.nodes() > 1) {
            cache.settle(team);
        }
        return cache;
    }

    @Override
    public SharedPrefixes.Least sharedPrefixes() {
        return sharedPrefixes;
    }

    @Override
    public Sampler sampler(Sampler.Size size) {
        var lastTokens = new HostBuffer(Mapping.allocate(arena, 4L * size.seats()));
        return new HostSampler(lastTokens, size.seats(), size.vocab(), team);
    }

    @Override
    public Collective collective() {
        return collective;
    }

    /** What products, attention and rotations of a step keep between their parts. */
    @Override
    public long scratchBytes(int mostRows, Consumer<Ops> pass) {
        RehearsedOps rehearsal = ops.rehearsal(mostRows);
        pass.accept(rehearsal);
        return rehearsal.bytes();
    }

    /** Takes what {@link #scratchBytes} tells, and emits what a first request would have emitted. */
    @Override
    public void rehearse(int mostRows, Consumer<Ops> pass) {
        RehearsedOps rehearsal = ops.rehearsal(mostRows);
        pass.accept(rehearsal);
        rehearsal.reserve();
    }

    /** What {@link #rehearse} has taken, and ops beyond it. */
    long ownBytes() {
        return ops.ownBytes();
    }

    @Override
    public long availableBytes() {
        return Machine.local().availableBytes();
    }

    @Override
    public void close() {
        group.leave(collective.rank(), "its device was closed");
        team.close();
        memory.close();
        arena.close();
    }
}
