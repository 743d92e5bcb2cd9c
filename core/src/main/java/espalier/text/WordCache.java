package espalier.text;

import org.jspecify.annotations.Nullable;

/**
 * The ids of words seen lately, shared by all threads without a lock: a table of immutable entries, each in the one
 * slot that its hash names, overwritten by the next word that falls there. A race loses an entry and nothing else,
 * since an entry's fields are final and complete before the entry can be seen. Bounded by {@value #SLOTS} words of at
 * most {@value #LONGEST} chars.
 */
final class WordCache {
    static final int LONGEST = 48;
    private static final int SLOTS = 1 << 15;

    private final @Nullable Entry[] entries = new Entry[SLOTS];

    private record Entry(int hash, char[] word, int[] ids) {}

    static int hash(char[] text, int from, int to) {
        int hash = to - from;
        for (int i = from; i < to; i++) {
            hash = hash * 31 + text[i];
        }
        hash *= 0x9E3779B9;
        return hash ^ hash >>> 15;
    }

    /** The ids of the word, or null. */
    int @Nullable [] find(int hash, char[] text, int from, int to) {
        Entry entry = entries[hash & SLOTS - 1];
        if (entry == null || entry.hash != hash || entry.word.length != to - from) {
            return null;
        }
        char[] word = entry.word;
        for (int i = 0; i < word.length; i++) {
            if (word[i] != text[from + i]) {
                return null;
            }
        }
        return entry.ids;
    }

    void put(int hash, char[] text, int from, int to, int[] ids) {
        entries[hash & SLOTS - 1] = new Entry(hash, java.util.Arrays.copyOfRange(text, from, to), ids);
    }
}
