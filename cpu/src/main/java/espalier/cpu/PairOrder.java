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

    /** Columns that are copied together. */
    static final int FOUR = 4;

    private PairOrder() {}

    /** Four stored rows from a byte of the first on. */
    record FourRows(MemorySegment memory, long from, long rowBytes) {
        /** The 16 bits that many bytes further on in each, the first row's lowest. */
        long shorts(long skip) {
            long at = from + skip;
            long a = memory.get(JAVA_SHORT_UNALIGNED, at) & 0xffffL;
            long b = memory.get(JAVA_SHORT_UNALIGNED, at + rowBytes) & 0xffffL;
            long c = memory.get(JAVA_SHORT_UNALIGNED, at + 2 * rowBytes) & 0xffffL;
            long d = memory.get(JAVA_SHORT_UNALIGNED, at + 3 * rowBytes);
            return a | (b << 16) | (c << 32) | (d << 48);
        }
    }

    /** The 32 bytes of each row from {@code skip} on; their columns lie beside each other. */
    static void copyFour(FourRows rows, int skip, long to) {
        for (int i = 0; i < Grouping.STEP; i += 2) {
            Lanes.ALL.set(JAVA_LONG_UNALIGNED, to + (long) i / 2 * LINE_BYTES, rows.shorts(skip + i));
        }
    }

    /** Bytes from one column's numbers to the next column's. */
    static int bytesEach(Grouping.Bits bits) {
        return switch (bits) {
            case BYTE -> 2;
            case NIBBLE -> 8;
        };
    }

    /** From 32 bytes, or 16 whose low halves are the first nibbles. */
    static void copy(Grouping.Bits bits, MemorySegment memory, long from, long to) {
        switch (bits) {
            case BYTE -> {
                for (int i = 0; i < Grouping.STEP; i += 4) {
                    int four = memory.get(JAVA_INT_UNALIGNED, from + i);
                    long line = to + (long) i / 2 * LINE_BYTES;
                    Lanes.ALL.set(JAVA_SHORT_UNALIGNED, line, (short) four);
                    Lanes.ALL.set(JAVA_SHORT_UNALIGNED, line + LINE_BYTES, (short) (four >> 16));
                }
            }
            case NIBBLE -> {
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
