package espalier.tensor.reference;

import espalier.tensor.Buffer;
import espalier.tensor.Collective;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.Ops;
import espalier.tensor.Sampler;
import espalier.tensor.host.HostBuffer;
import espalier.tensor.host.HostSampler;
import espalier.tensor.host.Parts;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Host memory and plain loops: slow, obvious, and what every other device is compared with. */
public final class ReferenceDevice implements Device {
    private static final long ALIGN = 64;

    private final Arena arena = Arena.ofShared();
    private final ReferenceOps ops = new ReferenceOps();
    private final ThreadRanks group;
    private final Collective collective;

    /** A device by itself. */
    public ReferenceDevice() {
        this(new ThreadRanks(1), 0);
    }

    /** One rank of a group whose others are opened with the same {@code group}. */
    public ReferenceDevice(ThreadRanks group, int rank) {
        this.group = group;
        this.collective = group.rank(rank);
    }

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public Ops ops() {
        return ops;
    }

    @Override
    public Buffer allocate(long bytes) {
        return new HostBuffer(arena.allocate(bytes, ALIGN));
    }

    @Override
    public Buffer place(MemorySegment bytes) {
        return new HostBuffer(bytes);
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
        return new ReferenceKvCache(shape, new HostBuffer(arena.allocate(shape.bytes(), ALIGN)));
    }

    @Override
    public Sampler sampler(Sampler.Size size) {
        var lastTokens = new HostBuffer(arena.allocate(4L * size.seats(), ALIGN));
        return new HostSampler(lastTokens, size.seats(), size.vocab(), Parts.inTurn());
    }

    @Override
    public Collective collective() {
        return collective;
    }

    /** What the heap may still take: plain arenas have no better bound that the JDK tells. */
    @Override
    public long availableBytes() {
        Runtime jvm = Runtime.getRuntime();
        return jvm.maxMemory() - jvm.totalMemory() + jvm.freeMemory();
    }

    @Override
    public void close() {
        group.leave(collective.rank(), "its device was closed");
        arena.close();
    }
}
