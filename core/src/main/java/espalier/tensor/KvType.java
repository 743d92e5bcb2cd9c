package espalier.tensor;

/**
 * What keys and values are stored as. Types of one byte are rounded when they are written; attention reads them as
 * bf16, which holds every number of the two floating-point types exactly.
 */
public enum KvType {
    F32("float32", 4, 0, DType.F32),
    F16("float16", 2, 0, DType.F16),
    BF16("bf16", 2, 0, DType.BF16),
    /** {@link Float8#E4M3}, without a scale. */
    FP8_E4M3("fp8_e4m3", 1, 0, DType.BF16),
    /** {@link Float8#E5M2}, without a scale. */
    FP8_E5M2("fp8_e5m2", 1, 0, DType.BF16),
    /** Integers from -127 to 127, times one float for each token and head. */
    INT8("int8", 1, 4, DType.BF16);

    private final String flag;
    private final int bytes;
    private final int scaleBytes;
    private final DType read;

    KvType(String flag, int bytes, int scaleBytes, DType read) {
        this.flag = flag;
        this.bytes = bytes;
        this.scaleBytes = scaleBytes;
        this.read = read;
    }

    /** As a flag or a log line has it. */
    public String flag() {
        return flag;
    }

    /** Of an element. */
    public int bytes() {
        return bytes;
    }

    /** Of a token and head, beside its elements. */
    public int scaleBytes() {
        return scaleBytes;
    }

    /** What attention computes with: the type itself where that is one of tensors. */
    public DType read() {
        return read;
    }

    /** Whether the elements are not those of a tensor. */
    public boolean isNarrow() {
        return bytes == 1;
    }

    public static KvType of(DType dtype) {
        return switch (dtype) {
            case F32 -> F32;
            case F16 -> F16;
            case BF16 -> BF16;
            case I32 -> throw new IllegalArgumentException("a KV cache of I32; F32, BF16 or F16 is wanted");
        };
    }
}
