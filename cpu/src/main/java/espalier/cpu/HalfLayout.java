package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.tensor.BFloat16;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Panels of bf16: for every 32 of the sum 16 lines of 16 columns by 2 weights for the panel's first 16 columns, then as
 * many for its last. f16 is rounded to bf16, of whose precision the activations are as well.
 */
final class HalfLayout implements PanelProduct.Layout {
    private static final int HALF_BYTES = 1024;

    @Override
    public boolean takes(Matrix stored) {
        return stored instanceof Matrix.Dense(Tensor t) && (t.dtype() == DType.BF16 || t.dtype() == DType.F16);
    }

    @Override
    public void pack(Matrix stored, int row, MemorySegment panel, int column) {
        Tensor t = ((Matrix.Dense) stored).values();
        MemorySegment from = Lanes.ALL.asSlice(Address.of(t.rows(row, 1)), 2L * t.cols());
        long to = (long) column / 16 * HALF_BYTES + column % 16 * 4L;
        int pairs = t.cols() / 2;
        boolean f16 = t.dtype() == DType.F16;
        for (int i = 0; i < pairs; i++) {
            int pair = from.get(JAVA_INT_UNALIGNED, 4L * i);
            panel.set(
                    JAVA_INT_UNALIGNED,
                    at(to, i),
                    f16 ? rounded((short) pair) | rounded((short) (pair >> 16)) << 16 : pair);
        }
        if (t.cols() % 2 != 0) {
            short last = from.get(JAVA_SHORT_UNALIGNED, 4L * pairs);
            panel.set(JAVA_INT_UNALIGNED, at(to, pairs), f16 ? rounded(last) : last & 0xffff);
        }
    }

    private static long at(long column, int pair) {
        return column + pair / 16 * 2L * HALF_BYTES + pair % 16 * 64L;
    }

    private static int rounded(short f16) {
        return BFloat16.of(Float.float16ToFloat(f16)) & 0xffff;
    }
}
