package espalier.text;

import java.util.Arrays;

/** The matches of a pattern in one piece and the gaps between them, in order, covering the piece. */
final class Spans {
    private int[] bounds = new int[16];
    private boolean[] matched = new boolean[8];
    private int count;
    private int covered;

    /** Starts anew for a piece that begins at {@code from}. */
    void reset(int from) {
        count = 0;
        covered = from;
    }

    /** The next match, {@code [from, to)}; what lies between it and the last one is a gap. */
    void match(int from, int to) {
        if (covered < from) {
            add(covered, from, false);
        }
        add(from, to, true);
        covered = to;
    }

    /** Ends the piece at {@code to}. */
    void end(int to) {
        if (covered < to) {
            add(covered, to, false);
        }
    }

    void invert() {
        for (int i = 0; i < count; i++) {
            matched[i] = !matched[i];
        }
    }

    int count() {
        return count;
    }

    int from(int span) {
        return bounds[2 * span];
    }

    int to(int span) {
        return bounds[2 * span + 1];
    }

    boolean matched(int span) {
        return matched[span];
    }

    private void add(int from, int to, boolean match) {
        if (count == matched.length) {
            bounds = Arrays.copyOf(bounds, bounds.length * 2);
            matched = Arrays.copyOf(matched, matched.length * 2);
        }
        bounds[2 * count] = from;
        bounds[2 * count + 1] = to;
        matched[count++] = match;
    }
}
