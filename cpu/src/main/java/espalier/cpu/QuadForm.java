package espalier.cpu;

import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import espalier.tensor.BlockFormat;
import espalier.tensor.host.BlockRow;
import java.util.Arrays;

/**
 * How weights in blocks are packed for the Vector API: four outputs at a time, a quad of {@link Matmul}, whose loops add
 * along the sum in natural order.
 *
 * <p>A quad is one stream: the scales of its four outputs for each group, then their minima if there are any, then the
 * numbers. These come in blocks of one vector of 32-bit lanes an output. Part {@code p} of every lane, a byte or a
 * nibble counted from the lowest, belongs to the block's {@code p}-th vector of {@code L} elements. So a vector of
 * weights is one load, one shift or mask, and one conversion: no shuffles, and no vectors of bytes, which not every
 * processor widens well.
 *
 * <p>Numbers stay in the highest bits of their lane, too large by a power of two, and scales are stored too small by it:
 * that costs no bit and saves the shift that would bring them down.
 *
 * @param group elements that share a scale; 0 for all of a row
 */
record QuadForm(Numbers numbers, int group) {
    /** In front of the numbers, at least: {@link QuadTiles} loads from three bytes before and behind them. */
    private static final int ALIGN = 64;

    /** Whole numbers; the raised ones are not negative and have a minimum. */
    enum Numbers {
        BYTES(8, 0x1p-24f),
        RAISED_BYTES(8, 0x1p-24f),
        NIBBLES(4, 0x1p-28f),
        RAISED_NIBBLES(4, 1);

        private final int bits;
        private final float scaling;

        Numbers(int bits, float scaling) {
            this.bits = bits;
            this.scaling = scaling;
        }

        boolean isRaised() {
            return this == RAISED_BYTES || this == RAISED_NIBBLES;
        }
    }

    static QuadForm of(BlockFormat format) {
        boolean raised = format.hasMinimum();
        Numbers bytes = raised ? Numbers.RAISED_BYTES : Numbers.BYTES;
        Numbers halves = raised ? Numbers.RAISED_NIBBLES : Numbers.NIBBLES;
        return new QuadForm(format.hasNibbles() ? halves : bytes, format.groupElements(0));
    }

    /** Whether a vector has one scale, as on every processor whose vectors have 512 bits or fewer. */
    boolean isRoomy() {
        return group == 0 || group >= L;
    }

    /** Elements along the sum in a block: each output has a vector of them. */
    int blockElements() {
        return Integer.SIZE / numbers.bits * L;
    }

    private int groups(int in) {
        return group == 0 ? 1 : in / group;
    }

    long minimaAt(int in) {
        return 16L * groups(in);
    }

    /** Where the numbers are. */
    long numbersAt(int in) {
        long scales = numbers.isRaised() ? 2 * minimaAt(in) : minimaAt(in);
        return Math.ceilDiv(scales, ALIGN) * ALIGN;
    }

    long quadBytes(int in) {
        return numbersAt(in) + 4L * V * Math.ceilDiv(in, blockElements());
    }

    /** Of a matrix, with what loads may touch behind it. */
    long bytes(int out, int in) {
        return Math.ceilDiv(out, 4) * quadBytes(in) + ALIGN;
    }

    /** Writes an output to its place in a quad that was zero. */
    void pack(BlockRow row, long quad, int which) {
        byte[] values = row.values();
        int in = values.length;
        for (int g = 0; g < row.scales().length; g++) {
            long at = quad + 16L * g + 4L * which;
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, at, row.scales()[g] * numbers.scaling);
            if (numbers.isRaised()) {
                Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, at + minimaAt(in), row.minima()[g]);
            }
        }
        int block = blockElements();
        byte[] whole = in % block == 0 ? values : Arrays.copyOf(values, Math.ceilDiv(in, block) * block);
        long to = quad + numbersAt(in) + (long) which * V;
        for (int from = 0; from < whole.length; from += block) {
            for (int lane = 0; lane < L; lane++) {
                int parts = numbers.bits == 8 ? bytes(whole, from + lane) : nibbles(whole, from + lane);
                Lanes.ALL.set(JAVA_INT_UNALIGNED, to + 4L * lane, parts);
            }
            to += 4 * V;
        }
    }

    private static int bytes(byte[] values, int at) {
        return (values[at] & 0xff)
                | (values[at + L] & 0xff) << 8
                | (values[at + 2 * L] & 0xff) << 16
                | values[at + 3 * L] << 24;
    }

    private static int nibbles(byte[] values, int at) {
        int low = nibble(values, at) | nibble(values, at + L) << 4;
        low |= nibble(values, at + 2 * L) << 8 | nibble(values, at + 3 * L) << 12;
        int high = nibble(values, at + 4 * L) | nibble(values, at + 5 * L) << 4;
        high |= nibble(values, at + 6 * L) << 8 | nibble(values, at + 7 * L) << 12;
        return low | high << 16;
    }

    private static int nibble(byte[] values, int at) {
        return values[at] & 15;
    }
}
