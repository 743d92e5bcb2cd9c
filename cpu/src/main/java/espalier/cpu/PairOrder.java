package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Grouping;
import java.lang.foreign.MemorySegment;

/** Writes a column's numbers of one step in {@link Grouping.Order#PAIRS}. */
final class PairOrder {
    private static final int HALF_COLUMNS = AmxKernels.PANEL / 2;
    /** Bytes from one pair of a column's bytes to the next. */
    private static final int LINE_BYTES = 2 * HALF_COLUMNS;
    /** Bytes from eight of a column's nibbles to the next eight. */
    private static final int EIGHT_BYTES = 4 * HALF_COLUMNS;
    /** The low nibble of every second byte. */
    private static final long NIBBLES = 0x000F000F000F000FL;

    private PairOrder() {}

    /** Bytes from one column's numbers to the next column's. */
    static int bytesEach(Grouping.Bits bits) {
        return switch (bits) {
            case BYTE -> 2;
            case NIBBLE -> 4;
        };
    }

    /** From 16 bytes whose low halves are the first nibbles. */
    static void copyNibbles(MemorySegment memory, long from, long to) {
        for (int i = 0; i < 2; i++) {
            long bytes = memory.get(JAVA_LONG_UNALIGNED, from + 8 * i);
            Lanes.ALL.set(JAVA_INT_UNALIGNED, to + (long) i * EIGHT_BYTES, words(bytes));
            Lanes.ALL.set(JAVA_INT_UNALIGNED, to + (long) (2 + i) * EIGHT_BYTES, words(bytes >>> 4));
        }
    }

    /** The low nibbles of eight bytes: those of even bytes, and above them those of odd ones. */
    private static int words(long bytes) {
        return (int) (Long.compress(bytes, NIBBLES) | Long.compress(bytes, NIBBLES << 8) << 16);
    }

    /**
     * From 32 of the values.
     *
     * @param flip bits that nibbles are stored with the opposite of
     */
    static void pack(Grouping.Bits bits, byte[] values, int from, int flip, long to) {
        switch (bits) {
            case BYTE -> {
                for (int i = 0; i < Grouping.STEP; i += 2) {
                    int pair = (values[from + i] & 0xff) | (values[from + i + 1] << 8);
                    Lanes.ALL.set(JAVA_SHORT_UNALIGNED, to + (long) i / 2 * LINE_BYTES, (short) pair);
                }
            }
            case NIBBLE -> {
                for (int i = 0; i < Grouping.STEP; i += 8) {
                    int eight = 0;
                    for (int j = 0; j < 8; j++) {
                        int value = values[from + i + j] ^ flip;
                        eight |= (value & 15) << (16 * (j % 2) + 4 * (j / 2));
                    }
                    Lanes.ALL.set(JAVA_INT_UNALIGNED, to + (long) i / 8 * EIGHT_BYTES, eight);
                }
            }
        }
    }
}
