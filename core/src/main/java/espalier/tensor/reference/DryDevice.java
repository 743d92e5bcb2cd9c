package espalier.tensor.reference;

import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import espalier.tensor.Buffer;
import espalier.tensor.Collective;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.Matrix;
import espalier.tensor.OpShapes;
import espalier.tensor.Ops;
import espalier.tensor.Sampler;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Neither arithmetic nor memory: runs any model's calls to check every shape and to count, before a byte is allocated.
 * A workspace over a buffer of any size shows by its peak what the same calls need elsewhere.
 */
public final class DryDevice implements Device {
    private final Collective collective;
    private final DryOps ops;
    private final Matrices matrices;
    private final ToLongFunction<Matrix> preparing;
    private final List<Matrix> prepared = new ArrayList<>();
    private long allocatedBytes;
    private long placedBytes;
    private long kvBytes;
    private long preparedBytes;
    private long spentBytes;

    /** A device by itself. */
    public DryDevice() {
        this(0, 1);
    }

    /** One rank of a group whose others need not exist. */
    public DryDevice(int rank, int ranks) {
        this(rank, ranks, DType.F32, Matrices.AS_STORED, _ -> 0);
    }

    /**
     * One rank of a group whose others need not exist, in place of a device of another kind.
     *
     * @param activations that device's
     * @param matrices how that device reads them
     * @param preparing what it answers to {@link Device#preparedBytes}
     */
    public DryDevice(int rank, int ranks, DType activations, Matrices matrices, ToLongFunction<Matrix> preparing) {
        this.ops = new DryOps(activations);
        this.matrices = matrices;
        this.preparing = preparing;
        collective = new DryCollective(java.util.Objects.checkIndex(rank, ranks), ranks);
    }

    /** Two of one size are two. */
    private static final class Paper implements Buffer {
        private final long bytes;

        Paper(long bytes) {
            this.bytes = bytes;
        }

        @Override
        public long bytes() {
            return bytes;
        }
    }

    private record DryKvCache(Shape shape) implements KvCache {}

    /** Calls of ops and of the collective. */
    public long calls() {
        return ops.calls() + ((DryCollective) collective).calls;
    }

    /** Multiply-adds of products and attention. */
    public long macs() {
        return ops.macs();
    }

    /** The kinds of attention that were called for. */
    public Set<Ops.Attending> attending() {
        return ops.attending();
    }

    /** Bytes of buffers that were asked for empty. */
    public long allocatedBytes() {
        return allocatedBytes;
    }

    /** Bytes of buffers that came with contents: the weights. */
    public long placedBytes() {
        return placedBytes;
    }

    /** Bytes of all weights once they are prepared: stored numbers that are not read again do not count. */
    public long weightBytes() {
        return allocatedBytes + placedBytes + preparedBytes - spentBytes;
    }

    /** What was prepared, as it is stored: every matrix that a model multiplies by. */
    public List<Matrix> prepared() {
        return Collections.unmodifiableList(prepared);
    }

    public long kvBytes() {
        return kvBytes;
    }

    @Override
    public String name() {
        return "dry";
    }

    @Override
    public Ops ops() {
        return ops;
    }

    @Override
    public Buffer allocate(long bytes) {
        allocatedBytes += bytes;
        return new Paper(bytes);
    }

    @Override
    public Buffer place(MemorySegment bytes) {
        placedBytes += bytes.byteSize();
        return new Paper(bytes.byteSize());
    }

    @Override
    public Matrices matrices() {
        return matrices;
    }

    @Override
    public Matrix prepare(Matrix stored, Matrix.Stored after) {
        prepared.add(stored);
        preparedBytes += preparing.applyAsLong(stored);
        if (after == Matrix.Stored.SPENT) {
            spend(stored);
        }
        return stored;
    }

    /** Parts of a stack that the device leaves as they are stay. */
    private void spend(Matrix stored) {
        if (stored instanceof Matrix.Stacked(var parts)) {
            parts.forEach(this::spend);
        } else if (preparing.applyAsLong(stored) > 0) {
            spentBytes += stored.bytes();
        }
    }

    @Override
    public void upload(MemorySegment from, Buffer to, long toOffset) {
        java.util.Objects.checkFromIndexSize(toOffset, from.byteSize(), to.bytes());
    }

    /** Everything reads as zero. */
    @Override
    public void download(Buffer from, long fromOffset, MemorySegment to) {
        java.util.Objects.checkFromIndexSize(fromOffset, to.byteSize(), from.bytes());
        to.fill((byte) 0);
    }

    @Override
    public KvCache kvCache(KvCache.Shape shape) {
        kvBytes += shape.bytes();
        return new DryKvCache(shape);
    }

    @Override
    public Sampler sampler(Sampler.Size size) {
        int seats = size.seats();
        return new DrySampler(new Tensor(allocate(4L * seats), 0, DType.I32, 1, seats, seats), size.vocab());
    }

    @Override
    public Collective collective() {
        return collective;
    }

    @Override
    public long availableBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public void close() {}

    /** Chooses token 0 for every row. */
    private static final class DrySampler implements Sampler {
        private final Tensor lastTokens;
        private final int vocab;
        private @Nullable StepResult newest;

        DrySampler(Tensor lastTokens, int vocab) {
            this.lastTokens = lastTokens;
            this.vocab = vocab;
        }

        @Override
        public void sample(Tensor logits, SamplingBatch how) {
            int rows = how.rows().size();
            OpShapes.logits(logits, rows, vocab);
            newest = new StepResult(how.number(), new int[rows], Collections.nCopies(rows, null));
        }

        @Override
        public StepResult result() {
            StepResult result = newest;
            if (result == null) {
                throw new IllegalStateException("nothing has been sampled yet");
            }
            return result;
        }

        @Override
        public Tensor lastTokens() {
            return lastTokens;
        }
    }

    private static final class DryCollective implements Collective {
        private final int rank;
        private final int ranks;
        private long calls;

        DryCollective(int rank, int ranks) {
            this.rank = rank;
            this.ranks = ranks;
        }

        @Override
        public int rank() {
            return rank;
        }

        @Override
        public int ranks() {
            return ranks;
        }

        @Override
        public void allReduce(Tensor x) {
            OpShapes.add(x, x);
            calls++;
        }

        @Override
        public void allGather(Tensor x, Tensor out) {
            OpShapes.logits(x, out.rows(), x.cols());
            calls++;
        }
    }
}
