package espalier.model;

import espalier.checkpoint.Checkpoint;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.Matrix;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import espalier.tensor.reference.DryDevice;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * What one rank of a model needs, learnt before any memory is taken: the model is built and run once on a device that
 * only counts, so there is no formula to keep in step with the layers. What a device takes of its own for attention and products comes
 * on top, out of what it keeps back of its memory.
 *
 * @param weightBytes of this rank, as its device prepares them; those that are read where they lie in a memory-mapped
 *     file are shared with the page cache
 * @param workspaceBytes activations and logits of the largest step, and whatever was added by {@link #besides}
 * @param kvBytesPerToken of this rank's cache
 */
public record MemoryPlan(long weightBytes, long workspaceBytes, long kvBytesPerToken) {
    /** More than any workspace: the dry one has no memory behind it. */
    private static final long BOUNDLESS = 1L << 50;

    /**
     * The largest step of an engine.
     *
     * @param sequences that a step may hold, each of which may want a token
     * @param pagesPerSequence the width of the page table
     */
    public record Largest(int tokens, int sequences, int pagesPerSequence) {}

    /**
     * How the rank's device keeps numbers.
     *
     * @param kvType of keys and values
     * @param activations of its ops
     * @param quantization of weights
     * @param matrices how it reads them
     * @param preparedBytes as {@link espalier.tensor.Device#preparedBytes} has them
     */
    public record Storage(
            KvType kvType,
            DType activations,
            Quantization quantization,
            Device.Matrices matrices,
            ToLongFunction<Matrix> preparedBytes) {
        /** Of a device that reads weights as they are stored. */
        public static Storage plain(KvType kvType) {
            return new Storage(kvType, DType.F32, Quantization.NONE, Device.Matrices.AS_STORED, _ -> 0);
        }
    }

    /** Reads the names, shapes and types of {@code checkpoint}, but no weight. */
    public static MemoryPlan of(
            ModelDefinition family, Checkpoint checkpoint, Mesh mesh, Largest largest, Storage storage) {
        try (var dry = device(mesh, storage)) {
            var decoder = outline(family, checkpoint, mesh, storage, dry);
            return new MemoryPlan(
                    dry.weightBytes(),
                    workspaceBytes(decoder, mesh, largest, storage.activations),
                    decoder.shape().kvShape(mesh, 1, storage.kvType).bytes());
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

    /** With so many bytes more in its workspace. */
    public MemoryPlan besides(long bytes) {
        return new MemoryPlan(weightBytes, workspaceBytes + bytes, kvBytesPerToken);
    }

    /** The peak of activations and logits of a decoder that is already loaded. */
    public static long workspaceBytes(Decoder decoder, Mesh mesh, Largest largest, DType activations) {
        try (var dry = new DryDevice(mesh.rank(), mesh.ranks(), activations, Device.Matrices.AS_STORED, _ -> 0)) {
            var space = new Workspace(dry.allocate(BOUNDLESS));
            KvCache kv = dry.kvCache(decoder.shape().kvShape(mesh, 1, KvType.F32));
            Tensor logits = space.take(
                    DType.F32, largest.sequences, decoder.shape().vocab().size());
            decoder.forward(new Pass(dry.ops(), space, inputs(dry, largest), kv, dry.collective()), logits);
            return space.peakBytes();
        }
    }

    private static StepInputs inputs(DryDevice dry, Largest l) {
        Tensor tokens = ints(dry, 1, l.tokens);
        Tensor sequences = ints(dry, 1, l.sequences);
        Tensor pages = ints(dry, l.sequences, l.pagesPerSequence);
        return new StepInputs(
                tokens, tokens, tokens, sequences, sequences, sequences, pages, 1, sequences, l.tokens, l.sequences);
    }

    private static Tensor ints(DryDevice dry, int rows, int cols) {
        return new Tensor(dry.allocate(4L * rows * cols), 0, DType.I32, rows, cols, cols);
    }
}
