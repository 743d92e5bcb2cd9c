package espalier.checkpoint;

import espalier.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * One tensor as stored, without a copy: rows one after another, little-endian, at any byte alignment (so read it with
 * unaligned layouts). Read-only.
 *
 * @param dtype F32, F16 or BF16
 * @param shape outermost dimension first
 * @param data empty in a checkpoint's {@link Checkpoint#outline}
 */
public record StoredTensor(String name, DType dtype, long[] shape, MemorySegment data) {
    /** As a file has it, on every machine. */
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The 16 bits of an F16 or BF16, as a file has them, on every machine. */
    public static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The number of elements. */
    public long size() {
        return data.byteSize() / dtype.bytes();
    }

    /** Fills {@code target} with the elements from number {@code from} on, widened to f32, which is exact. */
    public void copyTo(long from, float[] target) {
        java.util.Objects.checkFromIndexSize(from, target.length, size());
        switch (dtype) {
            case F32 -> MemorySegment.copy(data, FLOAT, from * Float.BYTES, target, 0, target.length);
            case BF16 -> {
                for (int i = 0; i < target.length; i++) {
                    target[i] = Float.intBitsToFloat(data.get(HALF, (from + i) * Short.BYTES) << 16);
                }
            }
            case F16 -> {
                for (int i = 0; i < target.length; i++) {
                    target[i] = Float.float16ToFloat(data.get(HALF, (from + i) * Short.BYTES));
                }
            }
            case I32 -> throw new IllegalStateException("a weight of integers: " + name);
        }
    }
}
