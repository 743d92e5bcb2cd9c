package espalier.cuda.sim;

import espalier.cuda.driver.TensorMap;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A tensor map in 128 bytes of our own, as NVIDIA's are opaque: what cuTensorMapEncodeTiled gets, one to five dimensions,
 * the innermost first; strides in bytes, of the second dimension on.
 *
 * @param swizzle 0 none, 1 over 32, 2 over 64, 3 over 128 bytes
 */
record EncodedMap(long address, int elementBytes, long[] size, long[] stride, int[] box, int swizzle) {
    private static final int MAGIC = 0x7e45_0a9d;
    private static final int MOST = 256;

    static EncodedMap of(TensorMap.Layout x) {
        return new EncodedMap(
                x.address(),
                x.element().bytes(),
                x.sizes().of(),
                x.strideBytes().of(),
                x.box().of(),
                x.swizzle().ordinal());
    }

    /** Bytes that one copy writes. */
    int bytes() {
        return Arrays.stream(box).reduce(elementBytes, (x, y) -> x * y);
    }

    /** Bytes of the innermost dimension of the box. */
    int width() {
        return box[0] * elementBytes;
    }

    /** @throws IllegalArgumentException for what cuTensorMapEncodeTiled refuses */
    MemorySegment encode() {
        boolean bad = width() % 16 != 0 || swizzle > 0 && width() > 16 << swizzle;
        for (int x : box) {
            bad |= x < 1 || x > MOST;
        }
        if (bad) {
            throw new IllegalArgumentException("cuTensorMapEncodeTiled refuses boxes of " + Arrays.toString(box)
                    + " elements of " + elementBytes + " bytes with swizzle " + swizzle + ": sides are 1 to " + MOST
                    + ", rows multiples of 16 bytes and no longer than the swizzle");
        }
        byte[] b = new byte[TensorMap.BYTES];
        Memory.put(b, 0, 8, address);
        for (int k = 0; k < size.length; k++) {
            Memory.put(b, 8 + 8 * k, 8, size[k]);
            Memory.put(b, 80 + 4 * k, 4, box[k]);
        }
        for (int k = 0; k < stride.length; k++) {
            Memory.put(b, 48 + 8 * k, 8, stride[k]);
        }
        Memory.put(b, 100, 4, swizzle);
        Memory.put(b, 104, 4, size.length);
        Memory.put(b, 108, 4, elementBytes);
        Memory.put(b, 112, 4, MAGIC);
        return MemorySegment.ofArray(b);
    }

    /** The map at {@code at}, or null if there is none. */
    static EncodedMap decode(byte[] b, int at) {
        if (Memory.getInt(b, at + 112) != MAGIC) {
            return null;
        }
        int rank = Memory.getInt(b, at + 104);
        long[] size = new long[rank], stride = new long[rank - 1];
        int[] box = new int[rank];
        for (int k = 0; k < rank; k++) {
            size[k] = Memory.get(b, at + 8 + 8 * k, 8);
            box[k] = Memory.getInt(b, at + 80 + 4 * k);
        }
        for (int k = 0; k < rank - 1; k++) {
            stride[k] = Memory.get(b, at + 48 + 8 * k, 8);
        }
        return new EncodedMap(
                Memory.get(b, at, 8), Memory.getInt(b, at + 108), size, stride, box, Memory.getInt(b, at + 100));
    }
}
