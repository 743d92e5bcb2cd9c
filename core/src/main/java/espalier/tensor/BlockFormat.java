package espalier.tensor;

/**
 * How a {@link Matrix.Blocks} stores a row: small whole numbers in groups, each with a scale and perhaps a minimum, so
 * that an element is {@code scale * q + minimum}. All formats share that form; they differ in how they pack it. The names
 * up to {@link #IQ4_NL} are those of GGUF files, and so are their bytes; the others are this project's own. {@code
 * espalier.tensor.host.BlockRow} takes any of them apart.
 *
 * <p>A row is a head (of {@link #INT8_ROW} alone: its one scale) and then blocks, without gaps. Columns can be cut at
 * multiples of a block.
 */
public enum BlockFormat {
    /** Two bytes of scale, 32 int8. */
    Q8_0(32, 34, 32, -128, 127),
    /** A scale, then 32 nibbles less 8: the low ones of 16 bytes first, then the high ones. */
    Q4_0(32, 18, 32, -8, 7),
    /** A scale, a minimum, 32 nibbles. */
    Q4_1(32, 20, 32, 0, 15),
    /** As Q4_0 with a fifth bit apart, less 16. */
    Q5_0(32, 22, 32, -16, 15),
    /** As Q4_1 with a fifth bit apart. */
    Q5_1(32, 24, 32, 0, 31),
    /** 16 groups of 16; their scales and minima are nibbles of a scale and a minimum that 256 elements share. */
    Q2_K(256, 84, 16, 0, 3),
    /** 16 groups of 16, whose 6-bit scales share a scale; the third bits lie apart. */
    Q3_K(256, 110, 16, -4, 3),
    /** 8 groups of 32, whose 6-bit scales and minima share a scale and a minimum. */
    Q4_K(256, 144, 32, 0, 15),
    /** As Q4_K with a fifth bit apart. */
    Q5_K(256, 176, 32, 0, 31),
    /** 16 groups of 16, whose int8 scales share a scale. */
    Q6_K(256, 210, 16, -32, 31),
    /** A scale and 32 nibbles that pick from 16 unevenly spaced int8. */
    IQ4_NL(32, 18, 32, -127, 113),
    /** A scale (f32) for the whole row, then its int8: a product needs no scaling inside its sum. */
    INT8_ROW(1, 1, 0, -128, 127),
    /** A scale (f16) and 64 int8. */
    INT8_GROUP64(64, 66, 64, -128, 127),
    /** A scale (f16) and 64 nibbles less 8: the low ones of 32 bytes first, then the high ones. */
    INT4_GROUP64(64, 34, 64, -8, 7),
    /** A scale (f16), a minimum (f16), 64 nibbles. */
    INT4_GROUP64_MIN(64, 36, 64, 0, 15);

    private final int elements;
    private final int bytes;
    private final int group;
    private final int lowest;
    private final int highest;

    BlockFormat(int elements, int bytes, int group, int lowest, int highest) {
        this.elements = elements;
        this.bytes = bytes;
        this.group = group;
        this.lowest = lowest;
        this.highest = highest;
    }

    /** Elements of one block: a row's width, and the place of a cut through it, is a multiple of that. */
    public int blockElements() {
        return elements;
    }

    public int blockBytes() {
        return bytes;
    }

    /** Bytes before a row's blocks. */
    public int headBytes() {
        return this == INT8_ROW ? Float.BYTES : 0;
    }

    /** How many neighbours in a row of {@code in} elements share a scale. */
    public int groupElements(int in) {
        return group == 0 ? in : group;
    }

    /** Whether groups have a minimum; otherwise it is 0. */
    public boolean hasMinimum() {
        return switch (this) {
            case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K, INT4_GROUP64_MIN -> true;
            case Q8_0, Q4_0, Q5_0, Q3_K, Q6_K, IQ4_NL, INT8_ROW, INT8_GROUP64, INT4_GROUP64 -> false;
        };
    }

    /** The least whole number that an element can be. */
    public int lowest() {
        return lowest;
    }

    /** The greatest. */
    public int highest() {
        return highest;
    }

    /** Whether numbers take 4 bits as they are, or, of formats without a minimum, once 8 is added. */
    public boolean hasNibbles() {
        return lowest >= (hasMinimum() ? 0 : -8) && highest - lowest <= 15;
    }

    /**
     * Bytes of a row.
     *
     * @throws IllegalArgumentException if {@code in} is no multiple of a block
     */
    public long rowBytes(int in) {
        if (in < 1 || in % elements != 0) {
            throw new IllegalArgumentException(
                    this + " stores rows in blocks of " + elements + ", not " + in + " elements");
        }
        return headBytes() + (long) in / elements * bytes;
    }
}
