package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Descriptors of one product. cuBLASLt counts columns first, so {@code y = x w^T} is asked for as {@code y^T = w x^T}, with w
 * transposed.
 */
record CublasProduct(CublasLt lt, ProductLibrary.Shape shape, long operation, long w, long x, long y) {
    static final int ALGORITHM_BYTES = 64;

    private static final int COMPUTE_32F = 68;
    private static final int TRANSPOSE_A = 3;
    private static final int TRANSPOSED = 1;
    private static final int PREFER_WORKSPACE = 1;
    private static final int PREFER_REDUCTION = 3;
    private static final int SUGGESTIONS = 16;
    private static final int SUGGESTION_BYTES = 96;
    private static final int WORKSPACE_AT = 64;
    private static final int STATUS_AT = 72;

    /** Elements from one row to the next. */
    record Strides(int x, int w, int y) {}

    /** Which suggestions are of use. */
    enum Sums {
        ANY,
        /** Not in parts. */
        UNSPLIT
    }

    static CublasProduct of(CublasLt lt, ProductLibrary.Shape s, Strides strides) {
        long operation = lt.create("cublasLtMatmulDesc", COMPUTE_32F, type(ProductLibrary.Element.F32));
        lt.set("cublasLtMatmulDescSetAttribute", operation, TRANSPOSE_A, TRANSPOSED, 4);
        return new CublasProduct(
                lt,
                s,
                operation,
                lt.create("cublasLtMatrixLayout", type(s.operands()), s.in(), s.out(), strides.w),
                lt.create("cublasLtMatrixLayout", type(s.operands()), s.in(), s.rows(), strides.x),
                lt.create("cublasLtMatrixLayout", type(s.result()), s.out(), s.rows(), strides.y));
    }

    /** What is queued is not affected. */
    void close() {
        lt.destroy(y);
        lt.destroy(x);
        lt.destroy(w);
        lt.destroy(operation);
    }

    /** Whether an algorithm that was chosen for other rows computes this product, too. */
    boolean isServedBy(byte[] algorithm) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment tried = scratch.allocate(ALGORITHM_BYTES, 8);
            MemorySegment.copy(algorithm, 0, tried, JAVA_BYTE, 0, ALGORITHM_BYTES);
            MemorySegment result = scratch.allocate(SUGGESTION_BYTES, 8);
            int status = lt.status(
                    "cublasLtMatmulAlgoCheck", lt.handle(), operation, w, x, y, y, tried.address(), result.address());
            return status == 0 && result.get(JAVA_LONG, WORKSPACE_AT) <= CublasProductLibrary.WORKSPACE_BYTES;
        }
    }

    /** The library's algorithms, what it thinks the fastest first; at least one. */
    List<byte[]> suggestions(Sums sums) {
        long preference = lt.create("cublasLtMatmulPreference");
        try (Arena scratch = Arena.ofConfined()) {
            lt.set(
                    "cublasLtMatmulPreferenceSetAttribute",
                    preference,
                    PREFER_WORKSPACE,
                    CublasProductLibrary.WORKSPACE_BYTES,
                    8);
            if (sums == Sums.UNSPLIT) {
                lt.set("cublasLtMatmulPreferenceSetAttribute", preference, PREFER_REDUCTION, 0, 4);
            }
            MemorySegment found = scratch.allocate((long) SUGGESTIONS * SUGGESTION_BYTES, 8);
            MemorySegment count = scratch.allocate(JAVA_INT);
            lt.run(
                    "cublasLtMatmulAlgoGetHeuristic",
                    lt.handle(),
                    operation,
                    w,
                    x,
                    y,
                    y,
                    preference,
                    SUGGESTIONS,
                    found.address(),
                    count.address());
            var all = new ArrayList<byte[]>();
            for (int i = 0; i < count.get(JAVA_INT, 0); i++) {
                MemorySegment each = found.asSlice((long) i * SUGGESTION_BYTES, SUGGESTION_BYTES);
                if (each.get(JAVA_INT, STATUS_AT) == 0) {
                    all.add(each.asSlice(0, ALGORITHM_BYTES).toArray(JAVA_BYTE));
                }
            }
            if (all.isEmpty()) {
                throw new EngineFault(EngineFault.Code.DEVICE, "cuBLASLt knows no way to compute " + shape);
            }
            return all;
        } finally {
            lt.destroy(preference);
        }
    }

    /** {@code cudaDataType}. */
    private static int type(ProductLibrary.Element element) {
        return switch (element) {
            case F32 -> 0;
            case F16 -> 2;
            case BF16 -> 14;
        };
    }
}
