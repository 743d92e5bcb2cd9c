package espalier.tensor;

/**
 * A two-dimensional view, row-major with a row stride in elements: rows are tokens, columns are features.
 * A view owns nothing and is never closed; it is valid as long as its buffer's owner is.
 *
 * @param offset of the first element in the buffer, in bytes
 */
public record Tensor(Buffer buffer, long offset, DType dtype, int rows, int cols, int stride) {

    public Tensor {
        if (rows < 0 || cols <= 0 || stride < cols) {
            throw new IllegalArgumentException("bad view " + rows + "x" + cols + " stride " + stride);
        }
    }

    public Tensor rows(int from, int count) {
        java.util.Objects.checkFromIndexSize(from, count, rows);
        return new Tensor(buffer, offset + (long) from * stride * dtype.bytes(), dtype, count, cols, stride);
    }

    public Tensor cols(int from, int count) {
        java.util.Objects.checkFromIndexSize(from, count, cols);
        return new Tensor(buffer, offset + (long) from * dtype.bytes(), dtype, rows, count, stride);
    }

    public void requireShape(int wantRows, int wantCols) {
        if (rows != wantRows || cols != wantCols) {
            throw new IllegalArgumentException("want " + wantRows + "x" + wantCols + ", have " + rows + "x" + cols);
        }
    }
}
