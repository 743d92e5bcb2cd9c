package espalier.jinja;

import java.util.function.IntPredicate;

/** What Python holds characters to be. */
final class Characters {
    private Characters() {}

    /** As {@code str.isspace}: Unicode white space and the separators of ASCII. */
    static boolean isSpace(int c) {
        if (c < 0x80) {
            return c == ' ' || isBetween(c, 0x09, 0x0d) || isBetween(c, 0x1c, 0x1f);
        }
        return c == 0x85 || Character.isSpaceChar(c);
    }

    private static boolean isBetween(int c, int first, int last) {
        return c >= first && c <= last;
    }

    static boolean isNameStart(int c) {
        return c == '_' || Character.isUnicodeIdentifierStart(c);
    }

    static boolean isNamePart(int c) {
        return c == '_' || (Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c));
    }

    static boolean isBlank(String text, int from) {
        for (int i = from; i < text.length(); i++) {
            if (!isSpace(text.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    static String strip(String text) {
        return stripEnd(stripStart(text));
    }

    static String stripStart(String text) {
        int start = 0;
        while (start < text.length() && isSpace(text.charAt(start))) {
            start++;
        }
        return text.substring(start);
    }

    static String stripEnd(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }

    static String stripStart(String text, String characters) {
        int start = 0;
        while (start < text.length() && characters.indexOf(text.codePointAt(start)) >= 0) {
            start += Character.charCount(text.codePointAt(start));
        }
        return text.substring(start);
    }

    static String stripEnd(String text, String characters) {
        int end = text.length();
        while (end > 0 && characters.indexOf(text.codePointBefore(end)) >= 0) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(0, end);
    }

    /** What {@code str.splitlines} breaks at, besides a carriage return with its newline. */
    static boolean isLineBreak(int c) {
        return isBetween(c, 0x0a, 0x0d) || isBetween(c, 0x1c, 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    /** As {@code str.isprintable} for one character: all but separators other than the blank, controls and the unassigned. */
    static boolean isPrintable(int c) {
        if (c < 0x7f) {
            return c >= ' ';
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    /** As {@code \w} of a Python pattern. */
    static boolean isWord(int c) {
        return c == '_' || isAlphanumeric(c);
    }

    static boolean isAlphanumeric(int c) {
        return Character.isLetter(c) || isNumeric(c);
    }

    static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER
                || type == Character.LETTER_NUMBER
                || type == Character.OTHER_NUMBER;
    }

    /** As {@code str.isdigit}: decimal digits, superscripts and the like. */
    static boolean isDigit(int c) {
        return Character.isDigit(c)
                || c == 0xb2
                || c == 0xb3
                || c == 0xb9
                || c == 0x2070
                || isBetween(c, 0x2074, 0x2079)
                || isBetween(c, 0x2080, 0x2089)
                || isBetween(c, 0x2460, 0x2468);
    }

    /** True for a text that is not empty and all of whose characters pass. */
    static boolean all(String text, IntPredicate test) {
        return !text.isEmpty() && text.codePoints().allMatch(test);
    }
}
