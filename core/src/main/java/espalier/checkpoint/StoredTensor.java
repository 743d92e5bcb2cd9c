package espalier.checkpoint;

import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import espalier.tensor.RowOrder;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * One tensor as stored, without a copy: rows one after another, little-endian, at any byte alignment (so read it with
 * unaligned layouts). Read-only.
 *
 * @param shape outermost dimension first
 * @param data empty in a checkpoint's {@link Checkpoint#outline}
 * @param order of the rows; other than plain only for blocks
 */
public record StoredTensor(String name, Encoding encoding, long[] shape, MemorySegment data, RowOrder order) {
    /** As a file has it, on every machine. */
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The 16 bits of an F16 or BF16, as a file has them, on every machine. */
    public static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** How the elements of a row are stored. */
    public sealed interface Encoding {

        /** Bytes of a row; for blocks its width must be a multiple of one. */
        long rowBytes(int cols);

        /** One by one: F32, F16 or BF16. */
        record Plain(DType dtype) implements Encoding {
            @Override
            public long rowBytes(int cols) {
                return (long) cols * dtype.bytes();
            }

            @Override
            public String toString() {
                return dtype.toString();
            }
        }

        /** In blocks. */
        record Blocks(BlockFormat format) implements Encoding {
            @Override
            public long rowBytes(int cols) {
                return format.rowBytes(cols);
            }

            @Override
            public String toString() {
                return format.toString();
            }
        }
    }

    /** Rows in their order. */
    public StoredTensor(String name, Encoding encoding, long[] shape, MemorySegment data) {
        this(name, encoding, shape, data, RowOrder.PLAIN);
    }

    public StoredTensor {
        if (!order.equals(RowOrder.PLAIN) && encoding instanceof Encoding.Plain) {
            throw new IllegalArgumentException("numbers of '" + name + "' are read in the order of their rows");
        }
    }

    /** A tensor of plain numbers. */
    public static StoredTensor plain(String name, DType dtype, long[] shape, MemorySegment data) {
        return new StoredTensor(name, new Encoding.Plain(dtype), shape, data);
    }

    /**
     * The type of plain numbers.
     *
     * @throws espalier.api.EngineFault if they are in blocks, where the model wants them one by one
     */
    public DType dtype() {
        return switch (encoding) {
            case Encoding.Plain(DType dtype) -> dtype;
            case Encoding.Blocks(BlockFormat format) ->
                throw JsonFile.fault(
                        "tensor '" + name + "' is stored as " + format + "; supported here are F32, F16 and" + " BF16");
        };
    }

    /** The number of elements of plain numbers. */
    public long size() {
        return data.byteSize() / dtype().bytes();
    }

    /** Fills {@code target} with plain numbers from number {@code from} on, widened to f32, which is exact. */
    public void copyTo(long from, float[] target) {
        java.util.Objects.checkFromIndexSize(from, target.length, size());
        switch (dtype()) {
            case F32 -> MemorySegment.copy(data, FLOAT, from * Float.BYTES, target, 0, target.length);
            case BF16 -> {
                short[] halves = halves(from, target.length);
                for (int i = 0; i < target.length; i++) {
                    target[i] = Float.intBitsToFloat(halves[i] << 16);
                }
            }
            case F16 -> {
                short[] halves = halves(from, target.length);
                for (int i = 0; i < target.length; i++) {
                    target[i] = Float.float16ToFloat(halves[i]);
                }
            }
            case I32 -> throw new IllegalStateException("a weight of integers: " + name);
        }
    }

    private short[] halves(long from, int count) {
        var halves = new short[count];
        MemorySegment.copy(data, HALF, from * Short.BYTES, halves, 0, count);
        return halves;
    }
}
