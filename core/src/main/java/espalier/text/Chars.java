package espalier.text;

/** Character classes as the tokenizers' reference defines them (Unicode properties, not Java's older notions). */
final class Chars {
    private static final int LETTERS = 1 << Character.UPPERCASE_LETTER
            | 1 << Character.LOWERCASE_LETTER
            | 1 << Character.TITLECASE_LETTER
            | 1 << Character.MODIFIER_LETTER
            | 1 << Character.OTHER_LETTER;
    private static final int NUMBERS =
            1 << Character.DECIMAL_DIGIT_NUMBER | 1 << Character.LETTER_NUMBER | 1 << Character.OTHER_NUMBER;
    private static final int MARKS =
            1 << Character.NON_SPACING_MARK | 1 << Character.ENCLOSING_MARK | 1 << Character.COMBINING_SPACING_MARK;
    private static final int PUNCTUATION = 1 << Character.CONNECTOR_PUNCTUATION
            | 1 << Character.DASH_PUNCTUATION
            | 1 << Character.START_PUNCTUATION
            | 1 << Character.END_PUNCTUATION
            | 1 << Character.INITIAL_QUOTE_PUNCTUATION
            | 1 << Character.FINAL_QUOTE_PUNCTUATION
            | 1 << Character.OTHER_PUNCTUATION;

    private Chars() {}

    /** Unicode's White_Space. */
    static boolean isWhitespace(int c) {
        if (c < 0x80) {
            return c == ' ' || (c >= 9 && c <= 13);
        }
        return c == 0x85
                || c == 0xA0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200A)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202F
                || c == 0x205F
                || c == 0x3000;
    }

    static boolean isLetter(int c) {
        return is(LETTERS, c);
    }

    /** Nd, Nl or No. */
    static boolean isNumber(int c) {
        return is(NUMBERS, c);
    }

    static boolean isMark(int c) {
        return is(MARKS, c);
    }

    static boolean isNonspacingMark(int c) {
        return Character.getType(c) == Character.NON_SPACING_MARK;
    }

    /** ASCII punctuation and symbols, or Unicode's general category P. */
    static boolean isPunctuation(int c) {
        if (c < 0x80) {
            return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
        }
        return is(PUNCTUATION, c);
    }

    /** What {@code \w} means in UTS 18: alphabetic, marks, decimal digits, connectors, joiners. */
    static boolean isWord(int c) {
        if (c < 0x80) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        }
        return Character.isAlphabetic(c)
                || is(MARKS | 1 << Character.DECIMAL_DIGIT_NUMBER | 1 << Character.CONNECTOR_PUNCTUATION, c)
                || c == 0x200C
                || c == 0x200D;
    }

    /** The code point at {@code index} of a text whose surrogates are paired within {@code [.., to)}. */
    static int codePoint(char[] text, int index, int to) {
        char c = text[index];
        return Character.isHighSurrogate(c) && index + 1 < to ? Character.toCodePoint(c, text[index + 1]) : c;
    }

    /** The text's chars, each lone surrogate replaced by U+FFFD: no tokenizer has a token for half a character. */
    static char[] scalars(String text) {
        char[] chars = text.toCharArray();
        for (int i = 0; i < chars.length; i++) {
            char c = chars[i];
            if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < chars.length && Character.isLowSurrogate(chars[i + 1])) {
                i++;
            } else {
                chars[i] = '\uFFFD';
            }
        }
        return chars;
    }

    private static boolean is(int types, int c) {
        return (types >> Character.getType(c) & 1) != 0;
    }
}
