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
    /** Bytes from eight of a column's nibbles to those of the 16 elements after them. */
    private static final int BLOCK_BYTES = 8 * HALF_COLUMNS;
    /** The low nibble of every second byte. */
    private static final long NIBBLES = 0x000F000F000F000FL;

    private PairOrder() {}

    /** Bytes from one column's numbers to the next column's. */
    static int bytesEach(Grouping.Bits bits) {
        return switch (bits) {
            case BYTE -> 2;
            case NIBBLE -> 8;
        };
    }

    /** From 16 bytes whose low halves are the first nibbles. */
    static void copyNibbles(MemorySegment memory, long from, long to) {
        long first = memory.get(JAVA_LONG_UNALIGNED, from);
        long last = memory.get(JAVA_LONG_UNALIGNED, from + 8);
        for (int block = 0; block < 2; block++) {
            for (int odd = 0; odd < 2; odd++) {
                long mask = NIBBLES << (8 * odd + 4 * block);
                long eight = Long.compress(first, mask) | (Long.compress(last, mask) << 16);
                Lanes.ALL.set(JAVA_INT_UNALIGNED, to + (long) block * BLOCK_BYTES + 4 * odd, (int) eight);
            }
        }
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
                for (int block = 0; block < 2; block++) {
                    for (int odd = 0; odd < 2; odd++) {
                        int eight = 0;
                        for (int i = 0; i < 8; i++) {
                            int value = values[from + 16 * block + 2 * i + odd] ^ flip;
                            eight |= (value & 15) << (4 * i);
                        }
                        Lanes.ALL.set(JAVA_INT_UNALIGNED, to + (long) block * BLOCK_BYTES + 4 * odd, eight);
                    }
                }
            }
        }
    }
}
