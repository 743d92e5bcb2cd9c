package espalier.text;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * BPE's merges: from a pair of ids to the merge's rank and the id that it makes, both in one long (rank in the upper
 * half, so that comparing the longs compares ranks).
 */
final class MergeTable {
    /** Above every merge. */
    static final long NONE = Long.MAX_VALUE;

    private final long[] pairs;
    private final long[] merges;

    /** Room for {@code count} merges. */
    MergeTable(int count) {
        int capacity = Integer.highestOneBit(Math.max(count, 4) * 2 - 1) * 2;
        pairs = new long[capacity];
        merges = new long[capacity];
        java.util.Arrays.fill(merges, NONE);
    }

    /** A later merge of the same pair replaces an earlier one, as in the reference. */
    void put(int left, int right, int rank, int merged) {
        long pair = pair(left, right);
        int slot = slot(pair);
        pairs[slot] = pair;
        merges[slot] = (long) rank << 32 | merged;
    }

    /** {@code rank << 32 | id}, or {@link #NONE}. */
    long find(int left, int right) {
        return merges[slot(pair(left, right))];
    }

    /** The joints of all merges; null if a token that stands for other characters than it is written in takes part. */
    @Nullable
    Seams seams(Vocabulary vocabulary, BitSet substitutes) {
        Seams seams = new Seams();
        for (int slot = 0; slot < pairs.length; slot++) {
            if (merges[slot] == NONE) {
                continue;
            }
            int left = (int) (pairs[slot] >>> 32);
            int right = (int) pairs[slot];
            String first = vocabulary.token(left);
            String second = vocabulary.token(right);
            if (first == null || second == null || substitutes.get(left) || substitutes.get(right)) {
                return null;
            }
            if (first.isEmpty() || second.isEmpty()) {
                return null;
            }
            seams.addJoint(first.charAt(first.length() - 1), second.charAt(0));
        }
        return seams;
    }

    private int slot(long pair) {
        long mixed = pair * 0x9E3779B97F4A7C15L;
        int slot = (int) (mixed >>> 32) & pairs.length - 1;
        while (merges[slot] != NONE && pairs[slot] != pair) {
            slot = slot + 1 & pairs.length - 1;
        }
        return slot;
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }
}
