package espalier.jinja;

import org.jspecify.annotations.Nullable;

/** A text by code points, which is how Python counts. */
final class CodePoints {
    private final String text;
    /** Null where every character is one code point. */
    private final int @Nullable [] points;

    private CodePoints(String text, int @Nullable [] points) {
        this.text = text;
        this.points = points;
    }

    static CodePoints of(String text) {
        boolean plain = text.codePointCount(0, text.length()) == text.length();
        return new CodePoints(text, plain ? null : text.codePoints().toArray());
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** True for the very same text; equal ones are not compared. */
    boolean isOf(Object other) {
        return Types.identical(other, text);
    }

    int length() {
        return points == null ? text.length() : points.length;
    }

    int at(int index) {
        return points == null ? text.charAt(index) : points[index];
    }

    String character(int index) {
        return Character.toString(at(index));
    }

    String range(int from, int to) {
        if (from >= to) {
            return "";
        }
        return points == null ? text.substring(from, to) : new String(points, from, to - from);
    }

    /** The index in chars of the code point at an index. */
    int offset(int index) {
        return points == null ? index : text.offsetByCodePoints(0, index);
    }
}
