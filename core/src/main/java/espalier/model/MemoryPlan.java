package espalier.model;

import espalier.checkpoint.Checkpoint;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import espalier.tensor.reference.DryDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.ToLongBiFunction;
import java.util.function.ToLongFunction;

/**
 * What one rank of a model needs, learnt before any memory is taken: the model is built and run once on a device that
 * only counts, so there is no formula to keep in step with the layers.
 *
 * @param weightBytes of this rank, as its device prepares them; those that are read where they lie in a memory-mapped
 *     file are shared with the page cache
 * @param kvBytesPerToken of this rank's cache
 * @param parts all else
 */
public record MemoryPlan(long weightBytes, long kvBytesPerToken, List<Part> parts) {
    /** Memory that is taken once, and what for. */
    public record Part(String what, long bytes) {}

    /** More than any workspace: the dry one has no memory behind it. */
    private static final long BOUNDLESS = 1L << 50;

    public MemoryPlan {
        parts = List.copyOf(parts);
    }

    /** With one part. */
    public MemoryPlan(long weightBytes, long workspaceBytes, long kvBytesPerToken) {
        this(weightBytes, kvBytesPerToken, List.of(new Part("activations", workspaceBytes)));
    }

    /**
     * The largest step of an engine.
     *
     * @param sequences that a step may hold, each of which may want a token
     * @param pagesPerSequence the width of the page table
     */
    public record Largest(int tokens, int sequences, int pagesPerSequence, int pageSize) {
        /** With pages of one token. */
        public Largest(int tokens, int sequences, int pagesPerSequence) {
            this(tokens, sequences, pagesPerSequence, 1);
        }

        private Device.Recorded step() {
            long positions = (long) pagesPerSequence * pageSize;
            return new Device.Recorded(sequences, (int) Math.min(Integer.MAX_VALUE, positions));
        }
    }

    /**
     * How the rank's device keeps numbers.
     *
     * @param kvType of keys and values
     * @param activations of its ops
     * @param quantization of weights
     * @param matrices how it reads them
     * @param preparedBytes as {@link Device#preparedBytes} has them
     * @param own as {@link Device#ownBytes} has them
     * @param scratch as {@link Device#scratchBytes} has them
     */
    public record Storage(
            KvType kvType,
            DType activations,
            Quantization quantization,
            Device.Matrices matrices,
            ToLongFunction<Matrix> preparedBytes,
            ToLongBiFunction<Device.Recorded, Set<Ops.Attending>> own,
            Scratch scratch) {
        /** Of a device that takes nothing for itself. */
        public Storage(
                KvType kvType,
                DType activations,
                Quantization quantization,
                Device.Matrices matrices,
                ToLongFunction<Matrix> preparedBytes) {
            this(kvType, activations, quantization, matrices, preparedBytes, (_, _) -> 0, (_, _) -> 0);
        }

        /** Of a device that reads weights as they are stored. */
        public static Storage plain(KvType kvType) {
            return new Storage(kvType, DType.F32, Quantization.NONE, Device.Matrices.AS_STORED, _ -> 0);
        }

        /** A device that reads weights in the type of its activations has no others, whatever is asked for. */
        public static Storage of(Device device, KvType kvType, Quantization asked) {
            return new Storage(
                    kvType,
                    device.ops().activations(),
                    device.matrices() == Device.Matrices.AS_STORED ? asked : Quantization.NONE,
                    device.matrices(),
                    device::preparedBytes,
                    device::ownBytes,
                    device::scratchBytes);
        }
    }

    /** As {@link Device#scratchBytes} has it. */
    public interface Scratch {
        long bytes(int mostRows, Consumer<Ops> pass);
    }

    /** Reads the names, shapes and types of {@code checkpoint}, but no weight. */
    public static MemoryPlan of(
            ModelDefinition family, Checkpoint checkpoint, Mesh mesh, Largest largest, Storage storage) {
        try (var dry = device(mesh, storage)) {
            var decoder = outline(family, checkpoint, mesh, storage, dry);
            Rehearsal step = rehearse(decoder, mesh, largest, storage.activations);
            long own = storage.own.applyAsLong(largest.step(), step.attending)
                    + scratchBytes(decoder, mesh, largest, storage);
            return new MemoryPlan(
                    dry.weightBytes(),
                    decoder.shape().kvShape(mesh, 1, storage.kvType).bytes(),
                    List.of(new Part("activations", step.peakBytes), new Part("kernels", own)));
        }
    }

    /** Every matrix that the rank will multiply by, as it is before its device prepares it; without its numbers. */
    public static List<Matrix> matrices(ModelDefinition family, Checkpoint checkpoint, Mesh mesh, Storage storage) {
        try (var dry = device(mesh, storage)) {
            outline(family, checkpoint, mesh, storage, dry);
            return List.copyOf(dry.prepared());
        }
    }

    private static DryDevice device(Mesh mesh, Storage storage) {
        return new DryDevice(mesh.rank(), mesh.ranks(), storage.activations, storage.matrices, storage.preparedBytes);
    }

    private static Decoder outline(
            ModelDefinition family, Checkpoint checkpoint, Mesh mesh, Storage storage, DryDevice dry) {
        var weights = Weights.outline(checkpoint, dry, mesh, storage.quantization);
        return Decoder.load(family, ModelConfig.of(checkpoint.config()), weights, _ -> {});
    }

    /** With something more. */
    public MemoryPlan with(String what, long bytes) {
        var more = new ArrayList<>(parts);
        more.add(new Part(what, bytes));
        return new MemoryPlan(weightBytes, kvBytesPerToken, more);
    }

    /** Of all {@link #parts}: what is neither weights nor cache. */
    public long workspaceBytes() {
        return parts.stream().mapToLong(Part::bytes).sum();
    }

    /** The peak of activations and logits of a decoder that is already loaded. */
    public static long workspaceBytes(Decoder decoder, Mesh mesh, Largest largest, DType activations) {
        return rehearse(decoder, mesh, largest, activations).peakBytes;
    }

    /** What the largest step asked of a device that only counts. */
    private record Rehearsal(long peakBytes, Set<Ops.Attending> attending) {}

    private static Rehearsal rehearse(Decoder decoder, Mesh mesh, Largest largest, DType activations) {
        try (var dry = new DryDevice(mesh.rank(), mesh.ranks(), activations, Device.Matrices.AS_STORED, _ -> 0)) {
            long peakBytes = pass(decoder, mesh, largest, new Dry(dry, dry.ops(), KvType.F32));
            return new Rehearsal(peakBytes, dry.attending());
        }
    }

    private static long scratchBytes(Decoder decoder, Mesh mesh, Largest largest, Storage storage) {
        try (var dry =
                new DryDevice(mesh.rank(), mesh.ranks(), storage.activations, Device.Matrices.AS_STORED, _ -> 0)) {
            return storage.scratch.bytes(
                    largest.tokens, ops -> pass(decoder, mesh, largest, new Dry(dry, ops, storage.kvType)));
        }
    }

    /** Where a pass is made without memory. */
    private record Dry(DryDevice device, Ops ops, KvType kvType) {}

    /** The largest step; returns the peak of its workspace. */
    private static long pass(Decoder decoder, Mesh mesh, Largest largest, Dry on) {
        DryDevice dry = on.device;
        var space = new Workspace(dry.allocate(BOUNDLESS));
        KvCache kv = dry.kvCache(decoder.shape().kvShape(mesh, 1, on.kvType));
        Tensor logits =
                space.take(DType.F32, largest.sequences, decoder.shape().vocab().size());
        decoder.forward(new Pass(on.ops, space, inputs(dry, largest), kv, dry.collective()), logits);
        return space.peakBytes();
    }

    private static StepInputs inputs(DryDevice dry, Largest l) {
        Tensor tokens = ints(dry, 1, l.tokens);
        Tensor sequences = ints(dry, 1, l.sequences);
        Tensor pages = ints(dry, l.sequences, l.pagesPerSequence);
        return new StepInputs(
                tokens,
                tokens,
                tokens,
                sequences,
                sequences,
                sequences,
                pages,
                l.pageSize,
                sequences,
                l.tokens,
                l.sequences);
    }

    private static Tensor ints(DryDevice dry, int rows, int cols) {
        return new Tensor(dry.allocate(4L * rows * cols), 0, DType.I32, rows, cols, cols);
    }
}
