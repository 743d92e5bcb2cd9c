package espalier.base;

import java.util.Arrays;
import java.util.stream.IntStream;

/** An immutable run of ids (tokens or pages) with value equality and no boxing; arrays in records have neither. */
public final class Tokens {
    private static final Tokens EMPTY = new Tokens(new int[0], 0, 0);

    private final int[] ids;
    private final int from;
    private final int size;

    private Tokens(int[] ids, int from, int size) {
        this.ids = ids;
        this.from = from;
        this.size = size;
    }

    public static Tokens of(int... ids) {
        return ids.length == 0 ? EMPTY : new Tokens(ids.clone(), 0, ids.length);
    }

    /** Copies {@code ids[from, to)}. */
    public static Tokens copyOf(int[] ids, int from, int to) {
        return from == to ? EMPTY : new Tokens(Arrays.copyOfRange(ids, from, to), 0, to - from);
    }

    public static Tokens empty() {
        return EMPTY;
    }

    /**
     * Copies many short runs into arrays that they share: where each is one id, half of the memory that an array each would
     * take. Used by one thread, as long as the runs are made.
     */
    public static final class Runs {
        private static final int[] NONE = {};

        private final int together;
        private int[] shared = NONE;
        private int used;

        /** @param together ids of one array */
        public Runs(int together) {
            this.together = together;
        }

        /** As {@link Tokens#copyOf}. */
        public Tokens copyOf(int[] ids, int from, int to) {
            int size = to - from;
            if (size <= 0 || size > together / 4) { // an array of its own is no waste
                return Tokens.copyOf(ids, from, to);
            }
            if (size > shared.length - used) {
                shared = new int[together];
                used = 0;
            }
            System.arraycopy(ids, from, shared, used, size);
            var run = new Tokens(shared, used, size);
            used += size;
            return run;
        }
    }

    public int size() {
        return size;
    }

    public boolean isEmpty() {
        return size == 0;
    }

    public int get(int index) {
        return ids[from + java.util.Objects.checkIndex(index, size)];
    }

    /** The run {@code [start, end)} of this one, sharing memory with it. */
    public Tokens slice(int start, int end) {
        java.util.Objects.checkFromToIndex(start, end, size);
        return start == end ? EMPTY : new Tokens(ids, from + start, end - start);
    }

    public Tokens concat(Tokens other) {
        int[] all = Arrays.copyOf(toArray(), size + other.size);
        other.copyTo(all, size);
        return new Tokens(all, 0, all.length);
    }

    public void copyTo(int[] target, int at) {
        System.arraycopy(ids, from, target, at, size);
    }

    public int[] toArray() {
        return Arrays.copyOfRange(ids, from, from + size);
    }

    public IntStream stream() {
        return Arrays.stream(ids, from, from + size);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Tokens t && Arrays.equals(ids, from, from + size, t.ids, t.from, t.from + t.size);
    }

    @Override
    public int hashCode() {
        int hash = 1;
        for (int i = 0; i < size; i++) {
            hash = 31 * hash + ids[from + i];
        }
        return hash;
    }

    @Override
    public String toString() {
        return Arrays.toString(toArray());
    }
}
