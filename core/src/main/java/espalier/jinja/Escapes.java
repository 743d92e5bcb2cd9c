package espalier.jinja;

/** The escapes of string literals, as Python's {@code unicode-escape} codec reads them. */
final class Escapes {
    private Escapes() {}

    /** Throws a {@link Failure} for an escape that is cut short or names no character. */
    static String unescape(String text) {
        int backslash = text.indexOf('\\');
        if (backslash < 0) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length());
        int at = 0;
        while (backslash >= 0) {
            out.append(text, at, backslash);
            at = escape(text, backslash + 1, out);
            backslash = text.indexOf('\\', at);
        }
        return out.append(text, at, text.length()).toString();
    }

    /** Appends what the escape after a backslash stands for; returns where the text goes on. */
    private static int escape(String text, int at, StringBuilder out) {
        char c = text.charAt(at);
        switch (c) {
            case '\n' -> {}
            case '\\', '\'', '"' -> out.append(c);
            case 'a' -> out.append('\u0007');
            case 'b' -> out.append('\b');
            case 'f' -> out.append('\f');
            case 'n' -> out.append('\n');
            case 'r' -> out.append('\r');
            case 't' -> out.append('\t');
            case 'v' -> out.append('\u000b');
            case 'x' -> {
                return hex(text, at + 1, 2, out);
            }
            case 'u' -> {
                return hex(text, at + 1, 4, out);
            }
            case 'U' -> {
                return hex(text, at + 1, 8, out);
            }
            case 'N' -> {
                return named(text, at + 1, out);
            }
            case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                return octal(text, at, out);
            }
            default -> {
                return literal(text, at, out);
            }
        }
        return at + 1;
    }

    private static int hex(String text, int from, int digits, StringBuilder out) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = from + i < text.length() ? Character.digit(text.charAt(from + i), 16) : -1;
            if (digit < 0 || text.charAt(from + i) > 'f') {
                throw Failure.of(
                        "truncated \\" + (digits == 2 ? "xXX" : digits == 4 ? "uXXXX" : "UXXXXXXXX") + " escape");
            }
            value = value * 16 + digit;
        }
        if (value < 0 || value > Character.MAX_CODE_POINT) {
            throw Failure.of("illegal Unicode character");
        }
        out.appendCodePoint(value);
        return from + digits;
    }

    private static int octal(String text, int from, StringBuilder out) {
        int value = 0;
        int i = from;
        while (i < text.length() && i < from + 3 && text.charAt(i) >= '0' && text.charAt(i) <= '7') {
            value = value * 8 + text.charAt(i++) - '0';
        }
        out.append((char) value);
        return i;
    }

    private static int named(String text, int from, StringBuilder out) {
        int end = text.indexOf('}', from);
        if (from >= text.length() || text.charAt(from) != '{' || end < 0) {
            throw Failure.of("malformed \\N character escape");
        }
        try {
            out.appendCodePoint(Character.codePointOf(text.substring(from + 1, end)));
        } catch (IllegalArgumentException e) {
            throw Failure.of("unknown Unicode character name");
        }
        return end + 1;
    }

    /** An unknown escape stays as it is; beyond ASCII the codec has already spelled the character in hexadecimal. */
    private static int literal(String text, int at, StringBuilder out) {
        int c = text.codePointAt(at);
        out.append('\\');
        if (c < 0x80) {
            out.append((char) c);
        } else {
            out.append(c < 0x100 ? "x%02x".formatted(c) : c < 0x10000 ? "u%04x".formatted(c) : "U%08x".formatted(c));
        }
        return at + Character.charCount(c);
    }
}
