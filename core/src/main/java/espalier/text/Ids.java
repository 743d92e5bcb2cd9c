package espalier.text;

import espalier.base.Tokens;
import java.util.Arrays;

/** A growing run of ints; the hot path of encoding writes token ids here without boxing. */
final class Ids {
    private int[] values;
    private int size;

    Ids(int capacity) {
        values = new int[Math.max(capacity, 8)];
    }

    void add(int value) {
        if (size == values.length) {
            values = Arrays.copyOf(values, grown(size + 1));
        }
        values[size++] = value;
    }

    void addAll(int[] more) {
        if (size + more.length > values.length) {
            values = Arrays.copyOf(values, grown(size + more.length));
        }
        for (int i = 0; i < more.length; i++) {
            values[size + i] = more[i];
        }
        size += more.length;
    }

    int get(int index) {
        return values[index];
    }

    int size() {
        return size;
    }

    int[] copyFrom(int start) {
        return Arrays.copyOfRange(values, start, size);
    }

    Tokens toTokens() {
        return Tokens.copyOf(values, 0, size);
    }

    private int grown(int needed) {
        return Math.max(needed, values.length + (values.length >> 1));
    }
}
