package espalier.text;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Tokens by id and ids by token; the look-up by a range of chars makes no string and boxes nothing. */
final class Vocabulary {
    /** Far above any vocabulary; a larger id in a file is a fault of the file, not a reason to allocate gigabytes. */
    static final int ID_LIMIT = 1 << 24;

    private final @Nullable String[] tokens;
    private final @Nullable String[] keys;
    private final int[] ids;
    private final int size;

    private Vocabulary(Builder from) {
        int capacity = Integer.highestOneBit(Math.max(from.size, 4) * 2 - 1) * 2;
        keys = new String[capacity];
        ids = new int[capacity];
        int highest = -1;
        for (int i = 0; i < from.size; i++) {
            highest = Math.max(highest, from.ids[i]);
        }
        tokens = new String[highest + 1];
        int distinct = 0;
        for (int i = 0; i < from.size; i++) {
            String key = from.keyAt(i);
            int slot = slot(key);
            distinct += keys[slot] == null ? 1 : 0;
            keys[slot] = key;
            ids[slot] = from.ids[i];
            tokens[from.ids[i]] = key;
        }
        size = distinct;
    }

    /** The token's id, or -1. */
    int find(String token) {
        int slot = slot(token);
        return keys[slot] == null ? -1 : ids[slot];
    }

    /** The id of the token that {@code text[from, to)} spells, or -1. */
    int find(char[] text, int from, int to) {
        int hash = 0;
        for (int i = from; i < to; i++) {
            hash = 31 * hash + text[i];
        }
        int slot = spread(hash);
        while (true) {
            String key = keys[slot];
            if (key == null) {
                return -1;
            }
            if (spells(key, text, from, to)) {
                return ids[slot];
            }
            slot = slot + 1 & keys.length - 1;
        }
    }

    @Nullable
    String token(int id) {
        return id >= 0 && id < tokens.length ? tokens[id] : null;
    }

    /** The highest id plus one. */
    int limit() {
        return tokens.length;
    }

    /** The number of distinct tokens. */
    int size() {
        return size;
    }

    private int slot(String key) {
        int slot = spread(key.hashCode());
        while (true) {
            String there = keys[slot];
            if (there == null || there.equals(key)) {
                return slot;
            }
            slot = slot + 1 & keys.length - 1;
        }
    }

    private int spread(int hash) {
        int mixed = hash * 0x9E3779B9;
        return (mixed ^ mixed >>> 15) & keys.length - 1;
    }

    private static boolean spells(String key, char[] text, int from, int to) {
        if (key.length() != to - from) {
            return false;
        }
        for (int i = from; i < to; i++) {
            if (key.charAt(i - from) != text[i]) {
                return false;
            }
        }
        return true;
    }

    /** Collects the entries in file order; of two entries with one spelling the later wins. */
    static final class Builder {
        private @Nullable String[] keys = new String[1024];
        private int[] ids = new int[1024];
        private int size;

        void add(String token, int id) {
            if (id < 0 || id >= ID_LIMIT) {
                throw new IllegalArgumentException(
                        "token '" + token + "' has id " + id + "; ids lie in 0.." + (ID_LIMIT - 1));
            }
            if (size == ids.length) {
                keys = Arrays.copyOf(keys, size * 2);
                ids = Arrays.copyOf(ids, size * 2);
            }
            keys[size] = token;
            ids[size++] = id;
        }

        Vocabulary build() {
            return new Vocabulary(this);
        }

        private String keyAt(int index) {
            return java.util.Objects.requireNonNull(keys[index]);
        }
    }
}
