package espalier.cuda.kernel;

import espalier.tensor.DType;
import java.util.Objects;

/**
 * A matrix in device memory, row-major.
 *
 * @param address of the first element
 * @param stride elements from one row to the next
 */
public record View(long address, DType type, int rows, int cols, int stride) {
    private static final int WIDE_BYTES = 16;

    /** Rows one right after another. */
    public static View dense(long address, DType type, int rows, int cols) {
        return new View(address, type, rows, cols, cols);
    }

    public View rows(int from, int count) {
        Objects.checkFromIndexSize(from, count, rows);
        return new View(address + (long) from * rowBytes(), type, count, cols, stride);
    }

    public View cols(int from, int count) {
        Objects.checkFromIndexSize(from, count, cols);
        return new View(address + (long) from * type.bytes(), type, rows, count, stride);
    }

    long rowBytes() {
        return (long) stride * type.bytes();
    }

    /** Whether each row begins at a multiple of 16 bytes, so that kernels may read it in pieces of that size. */
    public boolean isWide() {
        return address % WIDE_BYTES == 0 && (rows == 1 || rowBytes() % WIDE_BYTES == 0);
    }

    static boolean areWide(View... views) {
        for (View v : views) {
            if (!v.isWide()) {
                return false;
            }
        }
        return true;
    }

    void require(String what, int wantRows, int wantCols) {
        if (rows != wantRows || cols != wantCols) {
            throw new IllegalArgumentException(
                    what + " is " + rows + "x" + cols + ", want " + wantRows + "x" + wantCols);
        }
    }

    void require(String what, DType want) {
        if (type != want) {
            throw new IllegalArgumentException(what + " is " + type + ", want " + want);
        }
    }

    /** Its type in the sources. */
    static String numberName(DType type) {
        return switch (type) {
            case F32, I32 -> "float"; // integers are only moved
            case BF16 -> "Bf16";
            case F16 -> "Fp16";
        };
    }
}
