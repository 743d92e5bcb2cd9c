package espalier.tensor;

/** Element types that a {@link Tensor} may hold. Block-quantised weights are a {@link Matrix} format, not a DType. */
public enum DType {
    F32(4),
    BF16(2),
    F16(2),
    I32(4);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    public int bytes() {
        return bytes;
    }
}
