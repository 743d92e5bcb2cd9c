package espalier.text;

import java.util.Arrays;

/**
 * Non-empty, ordered, disjoint ranges of one text: what pre-tokenization narrows down to words.
 *
 * <p>A step that only splits makes new ranges over the same chars; a step that rewrites makes a new text.
 */
final class Pieces {
    private final char[] text;
    private int[] bounds;
    private int count;
    private boolean atStart;

    private Pieces(char[] text, int capacity, boolean atStart) {
        this.text = text;
        this.bounds = new int[2 * Math.max(capacity, 4)];
        this.atStart = atStart;
    }

    /** One piece, {@code text[from, to)}; {@code atStart} says that it begins where the user's text begins. */
    static Pieces of(char[] text, int from, int to, boolean atStart) {
        Pieces pieces = new Pieces(text, 1, atStart);
        pieces.add(from, to);
        return pieces;
    }

    /** No pieces yet, over the same text as {@code source}; about {@code capacity} are expected. */
    static Pieces splitting(Pieces source, int capacity) {
        return new Pieces(source.text, capacity, source.atStart);
    }

    /** No pieces yet, over a rewritten text. */
    static Pieces rewriting(Pieces source, char[] text) {
        return new Pieces(text, source.count, source.atStart);
    }

    void add(int from, int to) {
        if (from >= to) {
            return;
        }
        if (2 * count == bounds.length) {
            bounds = Arrays.copyOf(bounds, bounds.length * 2);
        }
        bounds[2 * count] = from;
        bounds[2 * count + 1] = to;
        count++;
    }

    char[] text() {
        return text;
    }

    int count() {
        return count;
    }

    int from(int piece) {
        return bounds[2 * piece];
    }

    int to(int piece) {
        return bounds[2 * piece + 1];
    }

    /** Whether piece 0 begins where the user's text begins: some pre-tokenizers treat that place apart. */
    boolean atStart() {
        return atStart;
    }

    /** Called once a splitting step is done: one that dropped what stood at the front leaves no piece at the start. */
    Pieces after(Pieces source) {
        if (count > 0 && source.count > 0 && from(0) != source.from(0)) {
            atStart = false;
        }
        return this;
    }
}
