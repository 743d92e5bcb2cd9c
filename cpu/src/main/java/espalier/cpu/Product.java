package espalier.cpu;

import espalier.tensor.Matrix;
import espalier.tensor.Tensor;

/**
 * One way to multiply by weights of some formats: the form that they are packed in, and the kernels that read it. A row
 * of the result depends on its row of x alone, bit for bit, and not on other rows, chunks or threads.
 */
interface Product {

    /** For the log: what they are multiplied by. */
    String path();

    /** Whether {@link #pack} can take a matrix that is not stacked; looks at its format and shape alone. */
    boolean takes(Matrix stored);

    /** Bytes of packed weights. */
    long bytes(int out, int in);

    /** Copies the rows of a stored matrix to the columns from {@code firstColumn} on of packed memory that was zero. */
    void pack(Matrix stored, Packed to, int firstColumn);

    /** {@code out = x * w^T}. */
    void run(Tensor x, Packed w, Tensor out);

    /** The most that {@link #run} takes for up to so many rows of x. */
    OpMemory.Need need(int mostRows, int out, int in);

    /**
     * Weights in the form of a product.
     *
     * @param address of memory that lives as long as the device
     */
    record Packed(Product by, int out, int in, long address) implements Matrix.Prepared {
        @Override
        public long bytes() {
            return by.bytes(out, in);
        }
    }
}
