package espalier.cuda.driver;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A kernel's arguments in order, packed as they are passed: every one at a multiple of its own alignment, so that a
 * struct's fields may be put one after another as well ({@link #struct}).
 */
public final class Arguments {
    /** CUDA allows 4 KB of arguments before 12.1, and this project stays below it. */
    private static final int MOST_BYTES = 4096;

    private static final int TENSOR_MAP_ALIGNMENT = 64;

    private ByteBuffer bytes = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());
    private int[] starts = new int[16];
    private int[] ends = new int[16];
    private int count;

    public static Arguments of() {
        return new Arguments();
    }

    /** A device address. */
    public Arguments pointer(long address) {
        return int64(address);
    }

    public Arguments int64(long value) {
        room(8, 8).putLong(value);
        return this;
    }

    public Arguments int32(int value) {
        room(4, 4).putInt(value);
        return this;
    }

    public Arguments float32(float value) {
        room(4, 4).putFloat(value);
        return this;
    }

    /** A {@code const __grid_constant__ CUtensorMap}. */
    public Arguments tensorMap(TensorMap map) {
        room(TensorMap.BYTES, TENSOR_MAP_ALIGNMENT).put(map.encoded().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        return this;
    }

    /** One struct by value whose fields, in order, are those of {@code fields}; padded to its strictest field. */
    public Arguments struct(Arguments fields) {
        int alignment = 1;
        for (int i = 0; i < fields.count; i++) {
            int size = fields.ends[i] - fields.starts[i];
            alignment = Math.max(alignment, size == TensorMap.BYTES ? TENSOR_MAP_ALIGNMENT : size);
        }
        int size = Math.ceilDiv(fields.bytes.position(), alignment) * alignment;
        ByteBuffer to = room(size, alignment);
        int at = to.position();
        to.put(fields.bytes.array(), 0, fields.bytes.position()).position(at + size);
        return this;
    }

    public int count() {
        return count;
    }

    /** Bytes of argument {@code index}. */
    public int size(int index) {
        return ends[index] - starts[index];
    }

    /** Where argument {@code index} begins in {@link #packed}. */
    public int offset(int index) {
        return starts[index];
    }

    /** All arguments; a view that ends with the next call that adds one. */
    public MemorySegment packed() {
        return MemorySegment.ofArray(bytes.array()).asSlice(0, bytes.position());
    }

    private ByteBuffer room(int size, int alignment) {
        int at = Math.ceilDiv(bytes.position(), alignment) * alignment;
        if (at + size > MOST_BYTES) {
            throw new IllegalArgumentException("more than " + MOST_BYTES + " bytes of arguments");
        }
        if (at + size > bytes.capacity()) {
            byte[] wider = Arrays.copyOf(bytes.array(), Math.max(2 * bytes.capacity(), at + size));
            bytes = ByteBuffer.wrap(wider).order(ByteOrder.nativeOrder());
        }
        if (count == starts.length) {
            starts = Arrays.copyOf(starts, 2 * count);
            ends = Arrays.copyOf(ends, 2 * count);
        }
        starts[count] = at;
        ends[count] = at + size;
        count++;
        return bytes.position(at);
    }
}
