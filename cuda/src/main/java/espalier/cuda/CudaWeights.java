package espalier.cuda;

import espalier.api.EngineFault;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.ProductRows;
import espalier.cuda.driver.Stream;
import espalier.cuda.kernel.Elementwise;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.kernel.View;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model's weights on their way to the device and there: copied through page-locked memory, matrices joined and brought into
 * the type of the activations, their products measured. Used by the device's thread.
 */
final class CudaWeights {
    private static final int SMALL_BLOCKS = 64;
    private static final long SMALL_BYTES = 256 << 10;
    private static final int LARGE_BLOCKS = 3;
    private static final long LARGE_BYTES = 16 << 20;

    /** Elements of a row of what is filled at once. */
    private static final int MOST_COLS = 1 << 20;

    private static final int MOST_MEASURED_ROWS = 8192;

    private final Driver driver;
    private final Stream stream;
    private final CudaDevice.Setup setup;
    private final ProductKernels products;
    private final Elementwise elementwise;
    private final WeightPool pool;
    private final Staging small;
    private final Set<String> measured = new HashSet<>();
    private @Nullable Staging large;

    CudaWeights(Driver driver, Stream stream, CudaDevice.Setup setup, ProductKernels products) {
        this.driver = driver;
        this.stream = stream;
        this.setup = setup;
        this.products = products;
        elementwise = new Elementwise(driver, stream);
        pool = new WeightPool(driver, "the weights");
        small = new Staging(driver, SMALL_BLOCKS, SMALL_BYTES);
    }

    /** So much will be taken; before anything is. */
    void expect(long bytes) {
        pool.expect(bytes);
    }

    long takenBytes() {
        return pool.takenBytes();
    }

    CudaBuffer place(MemorySegment bytes) {
        long at = pool.take(bytes.byteSize());
        send(bytes, at);
        return new CudaBuffer(at, bytes.byteSize());
    }

    /** Uniform in [-bound, bound). */
    CudaBuffer placeUniform(DType dtype, long count, long seed, float bound) {
        long at = pool.take(count * dtype.bytes());
        int cols = Math.toIntExact(Math.min(count, MOST_COLS));
        while (count % cols != 0) {
            cols--;
        }
        elementwise.fillUniform(View.dense(at, dtype, Math.toIntExact(count / cols), cols), seed, bound);
        return new CudaBuffer(at, count * dtype.bytes());
    }

    /** Queues a copy of {@code from}, which is read at once. */
    void send(MemorySegment from, long to) {
        if (from.byteSize() <= SMALL_BYTES) {
            small.upload(stream, from, to);
            return;
        }
        Staging through = large;
        if (through == null) {
            through = new Staging(driver, LARGE_BLOCKS, LARGE_BYTES);
            large = through;
        }
        through.upload(stream, from, to);
    }

    /**
     * In one piece, in the type of the activations: where it lies if it is so already.
     *
     * @param yields the type of its products
     * @param mostRows that are multiplied at once
     */
    CudaMatrix prepare(Matrix stored, DType yields, int mostRows) {
        var matrix = new CudaMatrix(joined(stored));
        measure(matrix.view(), yields, mostRows);
        return matrix;
    }

    private View joined(Matrix stored) {
        var parts = new ArrayList<View>();
        collect(stored, parts);
        View first = parts.getFirst();
        boolean inPlace = first.type() == setup.activations();
        long next = first.address();
        for (View part : parts) {
            inPlace &= part.address() == next && part.type() == first.type() && part.stride() == part.cols();
            next = part.address()
                    + (long) part.rows() * part.cols() * part.type().bytes();
        }
        if (inPlace) {
            return View.dense(first.address(), first.type(), stored.out(), stored.in());
        }
        long at = pool.take(
                (long) stored.out() * stored.in() * setup.activations().bytes());
        View whole = View.dense(at, setup.activations(), stored.out(), stored.in());
        int row = 0;
        for (View part : parts) {
            elementwise.copy(part, whole.rows(row, part.rows()));
            row += part.rows();
        }
        return whole;
    }

    private static void collect(Matrix stored, List<View> parts) {
        switch (stored) {
            case Matrix.Dense(Tensor values) -> parts.add(CudaBuffer.view(values));
            case Matrix.Stacked(var all) -> all.forEach(part -> collect(part, parts));
            case Matrix.Blocks b -> throw new EngineFault(EngineFault.Code.RESOURCE, unsupported(b));
            case CudaMatrix(View view) -> parts.add(view);
            case Matrix.Prepared other -> throw new IllegalArgumentException("a matrix of another device: " + other);
        }
    }

    static String unsupported(Matrix.Blocks b) {
        return "products of weights in " + b.format()
                + " are not supported on a CUDA device: they are to be written out"
                + " while they are loaded; leave --quantization out, or use --device cpu";
    }

    private void measure(View w, DType yields, int mostRows) {
        boolean known = !measured.add(w.rows() + "x" + w.cols() + " " + yields);
        if (known || setup.tuning() == CudaDevice.Tuning.ASSUMED) {
            return;
        }
        ProductRows.upTo(Math.min(mostRows, MOST_MEASURED_ROWS))
                .forEach(rows -> products.measure(w, rows, setup.activations(), yields));
    }

    /** What {@link #prepare} would take. */
    long preparedBytes(Matrix stored) {
        return switch (stored) {
            case Matrix.Dense(Tensor values) ->
                values.dtype() == setup.activations()
                        ? 0
                        : (long) stored.out()
                                * stored.in()
                                * setup.activations().bytes();
            case Matrix.Stacked(var parts) ->
                parts.stream().mapToLong(this::preparedBytes).sum();
            case Matrix.Blocks _, Matrix.Prepared _ -> 0;
        };
    }
}
