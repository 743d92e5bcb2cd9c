package espalier.text;

/** A text cut at its added tokens: ranges in order, each with a token's id or {@link #TEXT}. */
final class Segments {
    static final int TEXT = -1;

    private final Ids entries = new Ids(12);

    /** Adds {@code [from, to)}; an empty stretch of text is left out. */
    void add(int from, int to, int id) {
        if (id != TEXT || from < to) {
            entries.add(from);
            entries.add(to);
            entries.add(id);
        }
    }

    int count() {
        return entries.size() / 3;
    }

    int from(int segment) {
        return entries.get(3 * segment);
    }

    int to(int segment) {
        return entries.get(3 * segment + 1);
    }

    int id(int segment) {
        return entries.get(3 * segment + 2);
    }
}
