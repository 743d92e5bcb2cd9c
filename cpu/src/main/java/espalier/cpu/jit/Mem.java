package espalier.cpu.jit;

/**
 * Memory at base + index * scale + offset.
 *
 * @param index a general register, or {@link #NO_INDEX}
 * @param scale of the index: 1, 2, 4 or 8
 * @param reading how a vector instruction sees it
 * @param mask register k1 to k7 whose set bits choose the lanes of a vector move, or 0 for all: a load sets the others
 *     to zero, a store leaves them, and neither touches their memory
 */
public record Mem(int base, int index, int scale, int offset, Reading reading, int mask) {
    static final int NO_INDEX = -1;

    /** What a vector instruction takes from memory. */
    public enum Reading {
        /** As much as the instruction wants. */
        WHOLE,
        /** One element of 32 bits, in every lane. */
        REPEATED
    }

    public Mem {
        if (index == Asm.RSP) {
            throw new IllegalArgumentException("rsp cannot be an index");
        }
        if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
            throw new IllegalArgumentException("an index cannot be scaled by " + scale);
        }
        java.util.Objects.checkIndex(mask, 8);
    }

    public static Mem at(int base, int offset) {
        return new Mem(base, NO_INDEX, 1, offset, Reading.WHOLE, 0);
    }

    public static Mem at(int base, int index, int scale, int offset) {
        return new Mem(base, index, scale, offset, Reading.WHOLE, 0);
    }

    public Mem inAllLanes() {
        return new Mem(base, index, scale, offset, Reading.REPEATED, mask);
    }

    public Mem masked(int register) {
        return new Mem(base, index, scale, offset, reading, register);
    }

    boolean isIndexed() {
        return index != NO_INDEX;
    }

    boolean isRepeated() {
        return reading == Reading.REPEATED;
    }

    /** The fourth bit of the index register's number. */
    int indexBit() {
        return isIndexed() ? index >> 3 : 0;
    }
}
