package espalier.tensor.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.tensor.BFloat16;
import espalier.tensor.DType;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** One element at a time of tensors in host memory: for plain loops and tests, not for kernels. */
public final class Cells {
    private Cells() {}

    /** The element as a float, widened from whatever it is stored in. */
    public static float number(Tensor t, int row, int col) {
        return number(HostBuffer.memory(t.buffer()), t.dtype(), at(t, row, col));
    }

    /** Stores the float in the tensor's format, rounded to nearest even. */
    public static void setNumber(Tensor t, int row, int col, float value) {
        setNumber(HostBuffer.memory(t.buffer()), t.dtype(), at(t, row, col), value);
    }

    public static int integer(Tensor t, int row, int col) {
        return HostBuffer.memory(t.buffer()).get(JAVA_INT_UNALIGNED, at(t, row, col));
    }

    public static void setInteger(Tensor t, int row, int col, int value) {
        HostBuffer.memory(t.buffer()).set(JAVA_INT_UNALIGNED, at(t, row, col), value);
    }

    /** {@code table[at[i]] = values[i]}, the table being one run of integers. */
    public static void scatter(Tensor values, Tensor at, Tensor table) {
        for (int i = 0; i < values.cols(); i++) {
            int to = java.util.Objects.checkIndex(integer(at, 0, i), table.rows() * table.cols());
            setInteger(table, to / table.cols(), to % table.cols(), integer(values, 0, i));
        }
    }

    /** The number of format {@code dtype} at byte {@code at}. */
    public static float number(MemorySegment memory, DType dtype, long at) {
        return switch (dtype) {
            case F32 -> memory.get(JAVA_FLOAT_UNALIGNED, at);
            case BF16 -> BFloat16.toFloat(memory.get(JAVA_SHORT_UNALIGNED, at));
            case F16 -> Float.float16ToFloat(memory.get(JAVA_SHORT_UNALIGNED, at));
            case I32 -> throw new IllegalArgumentException("an integer where a number is wanted");
        };
    }

    public static void setNumber(MemorySegment memory, DType dtype, long at, float value) {
        switch (dtype) {
            case F32 -> memory.set(JAVA_FLOAT_UNALIGNED, at, value);
            case BF16 -> memory.set(JAVA_SHORT_UNALIGNED, at, BFloat16.of(value));
            case F16 -> memory.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(value));
            case I32 -> throw new IllegalArgumentException("a number where an integer is wanted");
        }
    }

    /** The byte at which an element begins in its buffer. */
    public static long at(Tensor t, int row, int col) {
        return t.offset() + ((long) row * t.stride() + col) * t.dtype().bytes();
    }
}
