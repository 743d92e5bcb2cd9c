package espalier.cpu;

import espalier.tensor.Buffer;
import espalier.tensor.Collective;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Sampler;
import espalier.tensor.host.ThreadRanks;
import espalier.tensor.reference.ReferenceDevice;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The CPU where {@link FusedMultiplyAdd} is no instruction: the reference's loops, which have none, on one thread a rank. */
final class PlainDevice implements Device {
    /** Few of everything: it computes a token in the time in which others compute hundreds, and zeros its memory at once. */
    private static final Defaults FEW = new Defaults(4, 64, 64, 8, 0, new CacheShare.OfRest(0.1));

    private final ReferenceDevice loops;

    PlainDevice(ThreadRanks group, int rank) {
        loops = new ReferenceDevice(group, rank);
    }

    @Override
    public List<String> remarks() {
        return List.of("warning: this processor has no fused multiply-add (FMA), or a virtual machine hides it: plain "
                + "loops on one thread compute everything, which is slow; any x86 processor since 2013 is fast, with "
                + "QEMU as -cpu host");
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String kernels(Matrix stored) {
        return "plain loops";
    }

    @Override
    public Ops ops() {
        return loops.ops();
    }

    @Override
    public Buffer allocate(long bytes) {
        return loops.allocate(bytes);
    }

    @Override
    public Buffer place(MemorySegment bytes) {
        return loops.place(bytes);
    }

    @Override
    public void upload(MemorySegment from, Buffer to, long toOffset) {
        loops.upload(from, to, toOffset);
    }

    @Override
    public void download(Buffer from, long fromOffset, MemorySegment to) {
        loops.download(from, fromOffset, to);
    }

    @Override
    public KvCache kvCache(KvCache.Shape shape) {
        return loops.kvCache(shape);
    }

    @Override
    public Sampler sampler(Sampler.Size size) {
        return loops.sampler(size);
    }

    @Override
    public Collective collective() {
        return loops.collective();
    }

    @Override
    public long availableBytes() {
        return Machine.local().availableBytes();
    }

    @Override
    public Defaults defaults() {
        return FEW;
    }

    @Override
    public void close() {
        loops.close();
    }
}
