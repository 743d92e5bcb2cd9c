package espalier.model;

import espalier.api.EngineFault;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.StoredTensor;
import espalier.checkpoint.StoredTensor.Encoding;
import espalier.tensor.BlockFormat;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A cursor over a checkpoint's names that hands out loaded layers. It alone knows number formats and ranks: the axes
 * that a model gives decide which block of each stored tensor this rank reads. A block that is contiguous in the file
 * is adopted where it lies ({@link Device#place}); matrices that share their input are stacked without being copied
 * together.
 *
 * <p>Loading is strict. A tensor that is missing or misshapen does not stop it: a stand-in takes its place, and
 * {@link #requireSound} reports all of them at once, with those that nobody asked for.
 */
public final class Weights {

    /** Whether a linear layer has a stored bias. */
    public enum Bias {
        NONE,
        STORED
    }

    /** One of several matrices that share their input. */
    public record Part(String name, Dim out) {}

    /**
     * What all cursors of one rank share.
     *
     * @param counts whether only the room of numbers is wanted: none are quantised or written out
     */
    private record Loading(
            Checkpoint checkpoint,
            Device device,
            Mesh mesh,
            Quantization quantization,
            boolean counts,
            Set<String> asked,
            List<String> faults,
            Map<Rotary, Ops.Rope> ropes) {}

    /** Memory that a faulty tensor would have had; never read. */
    private record Nowhere(long bytes) implements Buffer {}

    private static final int FAULTS_SHOWN = 20;

    private final Loading loading;
    private final String path;

    private Weights(Loading loading, String path) {
        this.loading = loading;
        this.path = path;
    }

    /** As they are stored. */
    public static Weights of(Checkpoint checkpoint, Device device, Mesh mesh) {
        return of(checkpoint, device, mesh, Quantization.NONE);
    }

    public static Weights of(Checkpoint checkpoint, Device device, Mesh mesh, Quantization quantization) {
        return of(checkpoint, device, mesh, quantization, false);
    }

    /** For one who only counts what the weights take; reads none. */
    static Weights outline(Checkpoint checkpoint, Device device, Mesh mesh, Quantization quantization) {
        return of(checkpoint.outline(), device, mesh, quantization, true);
    }

    private static Weights of(Checkpoint checkpoint, Device device, Mesh mesh, Quantization format, boolean counts) {
        return new Weights(
                new Loading(
                        checkpoint, device, mesh, format, counts, new HashSet<>(), new ArrayList<>(), new HashMap<>()),
                "");
    }

    public Weights at(String child) {
        return new Weights(loading, full(child));
    }

    public Mesh mesh() {
        return loading.mesh;
    }

    /** How much of an axis this rank holds. */
    public int local(Dim d) {
        return loading.mesh.mine(d).count();
    }

    public Norm norm(Dim d, double eps) {
        Mesh.Range mine = loading.mesh.mine(d);
        StoredTensor stored = read("weight", d.size());
        return new Norm(block(stored, new Mesh.Range(0, 1), mine, d.size()), (float) eps);
    }

    /** This rank's rows of a table, whole rows each. */
    public Matrix table(Dim rows, Dim cols) {
        return matrix("weight", rows, cols, loading.quantization.ofVocabulary(cols.size()));
    }

    public Linear linear(Dim in, Dim out, Bias bias) {
        Matrix m = prepared(matrix("weight", out, in, loading.quantization.ofLayer(in.size())), Matrix.Stored.SPENT);
        return new Projection(m, bias == Bias.STORED ? bias(new Part("", out)) : null, isSummed(in));
    }

    /** The output head, where it has rows of its own. */
    public Linear head(Dim in, Dim vocab) {
        Matrix stored = matrix("weight", vocab, in, loading.quantization.ofVocabulary(in.size()));
        return new Projection(preparedHead(stored, Matrix.Stored.SPENT), null, isSummed(in));
    }

    /** Several stored matrices that share their input, as one: {@code out = [part 1 | part 2 | ...]}. */
    public Linear fused(Dim in, Bias bias, Part... parts) {
        var matrices = new ArrayList<Matrix>();
        for (Part part : parts) {
            matrices.add(at(part.name).matrix("weight", part.out, in, loading.quantization.ofLayer(in.size())));
        }
        Matrix m = prepared(new Matrix.Stacked(matrices), Matrix.Stored.SPENT);
        return new Projection(m, bias == Bias.STORED ? bias(parts) : null, isSummed(in));
    }

    /** A linear layer over rows that are already loaded: a head tied to the embedding table. */
    public Linear tied(Matrix table) {
        return new Projection(preparedHead(table, Matrix.Stored.KEPT), null, false);
    }

    /** After a fault loading fails in the end, and a matrix may have no memory behind it. */
    private Matrix prepared(Matrix stored, Matrix.Stored after) {
        return loading.faults.isEmpty() ? loading.device.prepare(stored, after) : stored;
    }

    private Matrix preparedHead(Matrix stored, Matrix.Stored after) {
        return loading.faults.isEmpty() ? loading.device.prepareHead(stored, after) : stored;
    }

    /** The frequencies of a rotary embedding on the device; layers that ask for the same share them. */
    public Ops.Rope rope(Rotary rotary) {
        return loading.ropes.computeIfAbsent(rotary, r -> {
            float[] f = r.frequencies();
            Buffer held = loading.device.allocate(4L * f.length);
            loading.device.upload(MemorySegment.ofArray(f), held, 0);
            return new Ops.Rope(new Tensor(held, 0, DType.F32, 1, f.length, f.length), r.dim(), r.attentionFactor());
        });
    }

    /**
     * Ends loading.
     *
     * @param unread names that may be left over
     * @throws EngineFault that names every missing, misshapen and unread tensor
     */
    void requireSound(Leftovers unread) {
        var faults = new ArrayList<>(loading.faults);
        var rest = new TreeSet<>(loading.checkpoint.names());
        rest.removeAll(loading.asked);
        for (String name : rest) {
            if (!unread.allows(name)) {
                faults.add("tensor '" + name + "' belongs to no part of this model");
            }
        }
        if (!faults.isEmpty()) {
            int shown = Math.min(FAULTS_SHOWN, faults.size());
            String more = shown < faults.size() ? "\n  and " + (faults.size() - shown) + " more" : "";
            throw new EngineFault(
                    EngineFault.Code.CHECKPOINT,
                    "the checkpoint's tensors do not fit its configuration:\n  "
                            + String.join("\n  ", faults.subList(0, shown)) + more);
        }
    }

    /** @param sumOverRanks each rank sees a part of the input, so the products are summed; the bias comes after */
    private record Projection(Matrix w, @Nullable Tensor bias, boolean sumOverRanks) implements Linear {
        @Override
        public int outCols() {
            return w.out();
        }

        @Override
        public void apply(Pass p, Tensor x, Tensor out) {
            p.ops().matmul(x, w, out);
            complete(p, out);
        }

        private void complete(Pass p, Tensor out) {
            if (sumOverRanks) {
                p.ranks().allReduce(out);
            }
            if (bias != null) {
                p.ops().addBias(out, bias);
            }
        }

        @Override
        public void applyGated(Pass p, Tensor x, Tensor out) {
            Tensor between = p.temp(out.rows(), w.out());
            if (isComplete()) {
                p.ops().gatedMatmul(x, w, between, out);
            } else {
                apply(p, x, between);
                p.ops().siluMul(between, out);
            }
        }

        @Override
        public void addTo(Pass p, Tensor x, Tensor sum) {
            Tensor between = p.temp(x.rows(), w.out());
            if (isComplete()) {
                p.ops().addMatmul(x, w, between, sum);
            } else {
                p.ops().matmul(x, w, between);
                complete(p, between);
                p.ops().add(sum, between);
            }
        }

        /** Whether the product alone is what is wanted. */
        private boolean isComplete() {
            return !sumOverRanks && bias == null;
        }
    }

    private boolean isSummed(Dim in) {
        return loading.mesh.isShared(in);
    }

    /** @param wanted what plain numbers are to become; null for nothing */
    private Matrix matrix(String leaf, Dim out, Dim in, @Nullable BlockFormat wanted) {
        Tensor random = wanted == null ? uniform(leaf, out, in) : null;
        if (random != null) {
            return new Matrix.Dense(random);
        }
        StoredTensor stored = read(leaf, out.size(), in.size());
        Mesh.Range rows = loading.mesh.mine(out);
        Mesh.Range cols = loading.mesh.mine(in);
        boolean writtenOut = loading.device.matrices() == Device.Matrices.AS_ACTIVATIONS;
        return switch (stored.encoding()) {
            case Encoding.Plain _ when wanted != null -> quantized(stored, wanted, out, in);
            case Encoding.Plain(DType type)
            when writtenOut && type != loading.device.ops().activations() ->
                new Matrix.Dense(writtenOut(stored, rows, cols, in.size()));
            case Encoding.Plain _ -> new Matrix.Dense(block(stored, rows, cols, in.size()));
            case Encoding.Blocks(BlockFormat format) -> {
                requireWholeBlocks(stored, format, in);
                if (writtenOut) {
                    yield new Matrix.Dense(writtenOut(stored, rows, cols, in.size()));
                }
                Buffer held = held(stored, rows, cols, in.size());
                yield new Matrix.Blocks(format, held, 0, rows.count(), cols.count(), stored.order());
            }
        };
    }

    private Tensor writtenOut(StoredTensor stored, Mesh.Range rows, Mesh.Range cols, int width) {
        DType type = loading.device.ops().activations();
        Buffer held = loading.counts || stored.data().byteSize() == 0
                ? nothing((long) rows.count() * cols.count() * type.bytes())
                : loading.device.place(new WrittenOut(stored, width).as(type, rows, cols));
        return new Tensor(held, 0, type, rows.count(), cols.count(), cols.count());
    }

    private Matrix quantized(StoredTensor stored, BlockFormat format, Dim out, Dim in) {
        Mesh.Range rows = loading.mesh.mine(out);
        Mesh.Range cols = loading.mesh.mine(in);
        requireWholeBlocks(stored, format, in);
        Buffer held = loading.counts || stored.data().byteSize() == 0
                ? nothing(rows.count() * format.rowBytes(cols.count()))
                : new RowQuantizer(stored, format, in.size()).place(loading.device, rows, cols);
        return new Matrix.Blocks(format, held, 0, rows.count(), cols.count());
    }

    private void requireWholeBlocks(StoredTensor stored, BlockFormat format, Dim in) {
        Mesh.Range mine = loading.mesh.mine(in);
        if (mine.from() % format.blockElements() != 0 || mine.count() % format.blockElements() != 0) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "tensor '" + stored.name() + "' is kept as " + format + " in blocks of " + format.blockElements()
                            + "; its " + in.size() + " " + in.name() + " cannot be cut into whole ones over "
                            + loading.mesh.ranks() + " ranks; choose another --tp or a format with smaller blocks");
        }
    }

    /** The biases of all parts in one row, as F32: the parts' types may differ. */
    private Tensor bias(Part... parts) {
        int cols = 0;
        for (Part part : parts) {
            cols += local(part.out);
        }
        Buffer held = loading.device.allocate(4L * cols);
        int at = 0;
        for (Part part : parts) {
            Mesh.Range mine = loading.mesh.mine(part.out);
            StoredTensor stored = at(part.name).read("bias", part.out.size());
            if (stored.data().byteSize() > 0) {
                var values = new float[mine.count()];
                stored.copyTo(mine.from(), values);
                loading.device.upload(MemorySegment.ofArray(values), held, 4L * at);
            }
            at += mine.count();
        }
        return new Tensor(held, 0, DType.F32, 1, cols, cols);
    }

    /** The block {@code rows x cols} of a tensor that is {@code width} wide. */
    private Tensor block(StoredTensor stored, Mesh.Range rows, Mesh.Range cols, int width) {
        Buffer held = held(stored, rows, cols, width);
        return new Tensor(held, 0, stored.dtype(), rows.count(), cols.count(), cols.count());
    }

    /** A random matrix that the device makes itself; null where the tensor is stored, cut, or made on the host. */
    private @Nullable Tensor uniform(String leaf, Dim out, Dim in) {
        String name = full(leaf);
        Checkpoint.Uniform u = loading.checkpoint.uniform(name, out.size(), in.size());
        boolean whole = local(out) == out.size() && local(in) == in.size();
        Buffer made = u == null || !whole
                ? null
                : loading.device.placeUniform(u.dtype(), (long) out.size() * in.size(), u.seed(), u.bound());
        if (u == null || made == null) {
            return null;
        }
        loading.asked.add(name);
        return new Tensor(made, 0, u.dtype(), out.size(), in.size(), in.size());
    }

    /** The memory of such a block, in the encoding of the whole. */
    private Buffer held(StoredTensor stored, Mesh.Range rows, Mesh.Range cols, int width) {
        long rowBytes = stored.encoding().rowBytes(width);
        long run = stored.encoding().rowBytes(cols.count());
        long skip = cols.from() == 0 ? 0 : stored.encoding().rowBytes(cols.from());
        long bytes = rows.count() * run;
        if (stored.data().byteSize() == 0) {
            return nothing(bytes);
        }
        if (cols.count() == width || rows.count() == 1) {
            return adopt(stored.data().asSlice(rows.from() * rowBytes + skip, bytes), alignment(stored));
        }
        Buffer held = loading.device.allocate(bytes);
        for (int i = 0; i < rows.count(); i++) {
            long from = (rows.from() + i) * rowBytes + skip;
            loading.device.upload(stored.data().asSlice(from, run), held, i * run);
        }
        return held;
    }

    /** An outline's tensor takes its room; a faulty one none, since loading fails in the end. */
    private Buffer nothing(long bytes) {
        return loading.faults.isEmpty() ? loading.device.allocate(bytes) : new Nowhere(bytes);
    }

    private static int alignment(StoredTensor stored) {
        return switch (stored.encoding()) {
            case Encoding.Plain(DType dtype) -> dtype.bytes();
            case Encoding.Blocks _ -> 1;
        };
    }

    /** Files may hold a tensor at an odd address, which vector loads of its type would trip over. */
    private Buffer adopt(MemorySegment bytes, int alignment) {
        if (bytes.address() % alignment == 0) {
            return loading.device.place(bytes);
        }
        Buffer held = loading.device.allocate(bytes.byteSize());
        loading.device.upload(bytes, held, 0);
        return held;
    }

    private StoredTensor read(String leaf, long... shape) {
        String name = full(leaf);
        loading.asked.add(name);
        try {
            return loading.checkpoint.tensor(name, shape);
        } catch (EngineFault fault) {
            if (fault.code() != EngineFault.Code.CHECKPOINT) {
                throw fault;
            }
            loading.faults.add(fault.getMessage());
            return StoredTensor.plain(name, DType.F32, shape, MemorySegment.NULL);
        }
    }

    private String full(String leaf) {
        return path.isEmpty() ? leaf : leaf.isEmpty() ? path : path + "." + leaf;
    }
}
