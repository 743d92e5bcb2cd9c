package espalier.checkpoint.gguf;

/** One value of a GGUF file's metadata; the widths of numbers do not matter to those who read them. */
sealed interface GgufValue {

    /** Any of the integer types; one of 64 bits without sign beyond {@link Long#MAX_VALUE} is negative here. */
    record Whole(long value) implements GgufValue {}

    record Real(double value) implements GgufValue {}

    record Flag(boolean value) implements GgufValue {}

    record Text(String value) implements GgufValue {}

    /** An array of strings. */
    record Texts(GgufTexts values) implements GgufValue {}

    /** An array of numbers or flags (0 and 1). */
    record Numbers(double[] values) implements GgufValue {}

    /** An array of arrays, which nobody reads. */
    record Nested() implements GgufValue {}
}
