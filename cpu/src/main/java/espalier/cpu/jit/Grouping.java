package espalier.cpu.jit;

/**
 * How small whole numbers with a scale for every few of them lie in a panel. For every {@value #STEP} along the sum come
 * the scales of the panel's columns (group by group), then their minima where there are any, then the numbers: all of the
 * first half of the columns before those of the second, in an {@link Order}.
 *
 * <p>A step of a panel of 32 columns c, whole bytes in {@link Order#FOURS}, with one f16 scale for its 32 numbers k:
 *
 * <pre>
 *  byte
 *     0  | scale c0      | scale c1      | ... | scale c31         2 bytes each; a line more for a second group of 16
 *    64  | minimum c0    | minimum c1    | ... | minimum c31       only with {@link Zero#MINIMUM}
 *     n  | c0 k0 k1 k2 k3    | c1 k0 k1 k2 k3    | ... | c15 k0 k1 k2 k3       n = {@link #numbersAt}; 64 bytes
 *  n+64  | c0 k4 k5 k6 k7    | c1 k4 k5 k6 k7    | ... | c15 k4 k5 k6 k7
 *        ... to k31: 8 lines; of nibbles 4, whose first is c0 k0|k16 k1|k17 k2|k18 k3|k19, c1 ...
 * n+512  | c16 k0 k1 k2 k3   | c17 k0 k1 k2 k3   | ... | c31 k0 k1 k2 k3       the second half (of nibbles n+256)
 *        ... n+1024 (of nibbles n+512) is where the next step begins
 * </pre>
 *
 * <p>A row of x is, for every step, 32 signed bytes and their scale (greatest magnitude / 127), and behind it for every
 * group what stands for its sum: minus the offset times the sum of the bytes, a whole number from which the dot product
 * starts; or, for minima, that sum times x's scale.
 *
 * @param group elements that share a scale: 16 or 32
 */
public record Grouping(Bits bits, int group, Scales scales, Zero zero, Order order) {
    /** Elements along the sum in a step; those of x share a scale. */
    public static final int STEP = 32;

    /** How wide a number is. */
    public enum Bits {
        BYTE(32, 7),
        NIBBLE(16, 3);

        private final int stepBytes;
        private final int offsetBits;

        Bits(int stepBytes, int offsetBits) {
            this.stepBytes = stepBytes;
            this.offsetBits = offsetBits;
        }

        /** Of the numbers of one column. */
        int stepBytes() {
            return stepBytes;
        }

        /** The logarithm of {@link #offset}. */
        int offsetBits() {
            return offsetBits;
        }

        /** What a signed number is stored too large by. */
        public int offset() {
            return 1 << offsetBits;
        }
    }

    /** What scales and minima are stored in. */
    public enum Scales {
        F16(2),
        F32(4);

        private final int bytes;

        Scales(int bytes) {
            this.bytes = bytes;
        }

        public int bytes() {
            return bytes;
        }
    }

    /** What the stored number 0 means. */
    public enum Zero {
        /** Minus the offset: numbers are signed, and stored too large. */
        OFFSET,
        /** Zero: numbers are stored signed, and the sums of x are not used. */
        SIGNED,
        /** The group's minimum. */
        MINIMUM
    }

    /** How the numbers of a half of the columns follow each other. */
    public enum Order {
        /**
         * For dot products of four bytes: a line for every four along the sum, with the four bytes of each column. A byte
         * of nibbles holds one of the first 16 in its low half and one of the last 16 in its high half.
         */
        FOURS,
        /**
         * For {@link ExpandingKernels}: a line for every two along the sum, with the two bytes of each column. Of nibbles,
         * a word of 16 bits holds every second of eight elements of a column, the first in the lowest bits: two such words
         * for each column, the even elements and the odd ones, 16 columns in a line of 64 bytes for each 8 along the sum.
         */
        PAIRS
    }

    public int groupsPerStep() {
        return STEP / group;
    }

    /** Bytes of the scales of all columns for one group. */
    public int scaleBytes(int columns) {
        return columns * scales.bytes;
    }

    /** Where the minima of a step are, if there are any. */
    public int minimaAt(int columns) {
        return groupsPerStep() * scaleBytes(columns);
    }

    /** Where the numbers of a step are. */
    public int numbersAt(int columns) {
        return zero == Zero.MINIMUM ? 2 * minimaAt(columns) : minimaAt(columns);
    }

    public int panelStepBytes(int columns) {
        return numbersAt(columns) + columns * bits.stepBytes;
    }

    /** Where the scale of x is in a step. */
    int inputScaleAt() {
        return STEP;
    }

    /** Where the sum of group {@code i} of x is in a step. */
    int inputSumAt(int i) {
        return STEP + 4 + 4 * i;
    }

    int inputStepBytes() {
        return inputSumAt(groupsPerStep());
    }
}
