package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.tensor.BFloat16;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;

/**
 * Panels of bf16: for every 32 of the sum 16 lines of 16 columns by 2 weights for the panel's first 16 columns, then as
 * many for its last. f16 is rounded to bf16, of whose precision the activations are as well.
 */
final class HalfLayout implements Layout {
    /** Bytes of 16 columns for a step. */
    private static final int HALF_BYTES = 1024;
    /** Pairs along the sum in a step, and in a chunk. */
    private static final int STEP = 16;

    private static final int CHUNK = CHUNK_BYTES / (2 * HALF_BYTES) * STEP;

    @Override
    public boolean takes(Matrix stored) {
        return stored instanceof Matrix.Dense(Tensor t) && Packing.isSplit(t.dtype());
    }

    @Override
    public void pack(Matrix stored, Rows rows, long panel, int column) {
        Tensor t = ((Matrix.Dense) stored).values().rows(rows.first(), rows.count());
        long from = Address.of(t);
        long rowBytes = Address.rowBytes(t);
        int pairs = t.cols() / 2;
        for (int first = 0; first < pairs; first += CHUNK) {
            int end = Math.min(pairs, first + CHUNK);
            for (int r = 0; r < rows.count(); r++) {
                long to = panel + (long) (column + r) / 16 * HALF_BYTES + (column + r) % 16 * 4L;
                if (t.dtype() == DType.BF16) {
                    copy(from + r * rowBytes, first, end, to);
                } else {
                    round(from + r * rowBytes, first, end, to);
                }
            }
        }
        for (int r = 0; t.cols() % 2 != 0 && r < rows.count(); r++) {
            long to = panel + (long) (column + r) / 16 * HALF_BYTES + (column + r) % 16 * 4L;
            short last = Lanes.ALL.get(JAVA_SHORT_UNALIGNED, from + r * rowBytes + 4L * pairs);
            Lanes.ALL.set(JAVA_INT_UNALIGNED, at(to, pairs), t.dtype() == DType.BF16 ? last & 0xffff : rounded(last));
        }
    }

    private static void copy(long from, int first, int end, long to) {
        for (int i = first; i < end; i++) {
            Lanes.ALL.set(JAVA_INT_UNALIGNED, at(to, i), Lanes.ALL.get(JAVA_INT_UNALIGNED, from + 4L * i));
        }
    }

    private static void round(long from, int first, int end, long to) {
        for (int i = first; i < end; i++) {
            int pair = Lanes.ALL.get(JAVA_INT_UNALIGNED, from + 4L * i);
            int bits = rounded((short) pair) | rounded((short) (pair >> 16)) << 16;
            Lanes.ALL.set(JAVA_INT_UNALIGNED, at(to, i), bits);
        }
    }

    private static long at(long column, int pair) {
        return column + pair / STEP * 2L * HALF_BYTES + pair % STEP * 64L;
    }

    private static int rounded(short f16) {
        return BFloat16.of(Float.float16ToFloat(f16)) & 0xffff;
    }
}
