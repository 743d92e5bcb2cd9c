package espalier.jinja;

/** Python's {@code None}. */
enum None {
    NONE
}
