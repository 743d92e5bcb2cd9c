package espalier.cpu;

import espalier.cpu.jit.AmxKernels;
import espalier.tensor.Buffer;
import espalier.tensor.Collective;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Sampler;
import espalier.tensor.host.HostBuffer;
import espalier.tensor.host.HostSampler;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * This machine's processors: Vector API kernels, spread over a team of threads inside each op. A call has finished when
 * it returns. Kernels address memory without liveness checks, so the device is closed by the thread that calls its ops.
 */
public final class CpuDevice implements Device {
    private final Arena arena = Arena.ofShared();
    private final Team team;
    private final CpuOps ops;
    private final ThreadRanks group;
    private final Collective collective;

    /** A device by itself with its caller and {@code threads - 1} threads more. */
    public CpuDevice(int threads) {
        this(threads, new ThreadRanks(1), 0, Kernels.VECTOR);
    }

    /** Which kernels compute what is stored in 16 bits. */
    enum Kernels {
        /** Those of the Vector API, in f32. */
        VECTOR,
        /** Tiles of bf16; the processor must have them. */
        AMX
    }

    CpuDevice(int threads, ThreadRanks group, int rank, Kernels kernels) {
        this.group = group;
        collective = group.rank(rank);
        team = new Team("espalier-cpu-" + rank, threads);
        ops = new CpuOps(team, arena, kernels == Kernels.AMX ? new AmxKernels(arena) : null);
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
        return new HostBuffer(Mapping.allocate(arena, bytes));
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
    public Matrix prepare(Matrix stored, Matrix.Stored after) {
        return ops.prepare(stored);
    }

    @Override
    public long preparedBytes(Matrix stored) {
        return ops.preparedBytes(stored);
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
        if (shape.dtype() == DType.I32) {
            throw new IllegalArgumentException("a KV cache of I32; F32, BF16 or F16 is wanted");
        }
        return new CpuKvCache(shape, Mapping.allocate(arena, shape.bytes()).address());
    }

    @Override
    public Sampler sampler(int seats, int vocab) {
        return new HostSampler(new HostBuffer(Mapping.allocate(arena, 4L * seats)), seats, vocab, team);
    }

    @Override
    public Collective collective() {
        return collective;
    }

    @Override
    public long availableBytes() {
        return Machine.local().availableBytes();
    }

    @Override
    public void close() {
        group.leave(collective.rank(), "its device was closed");
        team.close();
        ops.close();
        arena.close();
    }
}
