package espalier.jinja;

/** What a slot holds while its name has no value. */
enum Missing {
    MISSING
}
