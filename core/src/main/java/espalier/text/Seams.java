package espalier.text;

import java.util.Arrays;

/**
 * Where a text may be cut without changing what BPE makes of it: a merge joins two neighbours, so between two
 * characters that no merge has at its own joint nothing can ever be joined. Vocabularies without a pre-tokenizer
 * (Llama 2, Gemma) see a whole text as one word; cut so, it falls into words that a cache knows.
 */
final class Seams {
    private static final int DENSE = 0x200;

    /** Joints of characters below {@link #DENSE}, which is all of the byte-level alphabet. */
    private final long[] dense = new long[DENSE * DENSE / 64];
    /** All others, as {@code left << 16 | right}; 0 is an empty slot. */
    private int[] table = new int[1 << 10];

    private int size;

    /** Some merge joins a token that ends in {@code left} to one that begins with {@code right}. */
    void addJoint(char left, char right) {
        if (left < DENSE && right < DENSE) {
            int bit = left * DENSE + right;
            dense[bit >> 6] |= 1L << bit;
            return;
        }
        int joint = left << 16 | right;
        int slot = slot(joint);
        if (table[slot] == joint) {
            return;
        }
        table[slot] = joint;
        if (++size * 2 > table.length) {
            grow();
        }
    }

    /** Whether a merge may ever join the two. */
    boolean isJoint(char left, char right) {
        if (left < DENSE && right < DENSE) {
            int bit = left * DENSE + right;
            return (dense[bit >> 6] >>> bit & 1) != 0;
        }
        int joint = left << 16 | right;
        return table[slot(joint)] == joint;
    }

    private void grow() {
        int[] old = table;
        table = new int[old.length * 2];
        Arrays.stream(old).filter(joint -> joint != 0).forEach(joint -> table[slot(joint)] = joint);
    }

    private int slot(int joint) {
        int mixed = joint * 0x9E3779B9;
        int slot = (mixed ^ mixed >>> 15) & table.length - 1;
        while (table[slot] != 0 && table[slot] != joint) {
            slot = slot + 1 & table.length - 1;
        }
        return slot;
    }
}
