package espalier.cuda.driver;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A descriptor for the tensor memory accelerator, as the driver encoded it: {@value #BYTES} bytes, passed by value. */
public record TensorMap(MemorySegment encoded) {
    public static final int BYTES = 128;

    public TensorMap {
        if (encoded.byteSize() != BYTES) {
            throw new IllegalArgumentException("a tensor map has " + BYTES + " bytes, not " + encoded.byteSize());
        }
    }

    /**
     * A tensor of 1 to 5 dimensions in device memory and the box that one copy takes. Innermost dimension first, as
     * {@code cuTensorMapEncodeTiled} wants it; what lies outside reads as zero.
     *
     * @param address aligned to 16 bytes
     * @param strideBytes of dimensions 1 and up, multiples of 16
     */
    public record Layout(
            Element element,
            long address,
            Sizes sizes,
            Strides strideBytes,
            Box box,
            Swizzle swizzle,
            Promotion promotion) {

        public Layout {
            int rank = sizes.of.length;
            if (rank < 1 || rank > 5 || strideBytes.of.length != rank - 1 || box.of.length != rank) {
                throw new IllegalArgumentException(
                        "a tensor map of sizes " + sizes + ", strides " + strideBytes + " and box " + box);
            }
            if (address % 16 != 0 || Arrays.stream(strideBytes.of).anyMatch(s -> s % 16 != 0)) {
                throw new IllegalArgumentException("a tensor map at " + Long.toHexString(address) + " with strides "
                        + strideBytes + "; multiples of 16 bytes are wanted");
            }
        }

        public int rank() {
            return sizes.of.length;
        }
    }

    /** Elements of each dimension. */
    public record Sizes(long... of) {
        @Override
        public String toString() {
            return Arrays.toString(of);
        }
    }

    /** Bytes from one element of a dimension to the next, from dimension 1 on. */
    public record Strides(long... of) {
        @Override
        public String toString() {
            return Arrays.toString(of);
        }
    }

    /** Elements of a copy in each dimension. */
    public record Box(int... of) {
        @Override
        public String toString() {
            return Arrays.toString(of);
        }
    }

    /** Types of elements. */
    public enum Element {
        U8(1),
        I32(4),
        F16(2),
        F32(4),
        BF16(2);

        private final int bytes;

        Element(int bytes) {
            this.bytes = bytes;
        }

        public int bytes() {
            return bytes;
        }
    }

    /** How 16-byte pieces are permuted in shared memory: over rows of that many bytes. */
    public enum Swizzle {
        NONE,
        BYTES_32,
        BYTES_64,
        BYTES_128
    }

    /** How much the second-level cache fetches at once. */
    public enum Promotion {
        NONE,
        BYTES_64,
        BYTES_128,
        BYTES_256
    }
}
