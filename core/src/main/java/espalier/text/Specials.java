package espalier.text;

/** What becomes of special tokens when ids are decoded. */
public enum Specials {
    /** They contribute nothing. */
    SKIP,
    /** They contribute the text they are written as. */
    KEEP
}
