package espalier.text;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Translates a regular expression as Hugging Face tokenizers mean it (Oniguruma, its own syntax, UTF-8) into one of
 * {@code java.util.regex}.
 *
 * <p>Most of the two languages is common once Java's classes are Unicode's. What differs: {@code (?m)} means that a dot
 * matches newlines; {@code ^} and {@code $} are always at lines; {@code {1,3}+} is a repeated interval and not a
 * possessive one; an option in the middle of a group reaches over the alternatives behind it; {@code \h} is a
 * hexadecimal digit; property names. What Java has no equal of (absent operators, subexpression calls, {@code \K}) is
 * refused.
 */
final class OnigPattern {
    /**
     * Oniguruma's word characters: alphabetic, marks, decimal digits, connectors, and the Latin-1 superscripts and
     * fractions.
     */
    private static final String WORD = "\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xB2\\xB3\\xB9\\xBC\\xBD\\xBE";

    private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES;

    private final String source;
    private final StringBuilder out = new StringBuilder();
    /** For each open group: where its text starts in {@link #out}, and how many option groups it opened on its way. */
    private final Deque<int[]> groups = new ArrayDeque<>();

    private int at;
    private int atom;

    private OnigPattern(String source) {
        this.source = source;
    }

    /** @throws IllegalArgumentException that says what cannot be translated */
    static Pattern compile(String source) {
        String translated = new OnigPattern(source).translate();
        try {
            return Pattern.compile(translated, FLAGS);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    "regular expression '" + source + "': " + e.getDescription() + " (as Java's: '" + translated + "')",
                    e);
        }
    }

    private String translate() {
        groups.push(new int[] {0, 0});
        while (at < source.length()) {
            char c = source.charAt(at);
            switch (c) {
                case '\\' -> escape(false);
                case '[' -> characterClass();
                case '(' -> open();
                case ')' -> close();
                case '{' -> interval();
                case '*', '+', '?', '|' -> copy();
                default -> {
                    atom = out.length();
                    copyCodePoint();
                }
            }
        }
        if (groups.size() != 1) {
            throw refused("a group is not closed");
        }
        out.repeat(")", groups.pop()[1]);
        return out.toString();
    }

    private void copy() {
        out.append(source.charAt(at++));
    }

    private void copyCodePoint() {
        int c = source.codePointAt(at);
        out.appendCodePoint(c);
        at += Character.charCount(c);
    }

    private void open() {
        int start = out.length();
        if (!source.startsWith("(?", at)) {
            copy();
            groups.push(new int[] {start, 0});
            return;
        }
        if (source.startsWith("(?#", at)) {
            int end = source.indexOf(')', at);
            at = end < 0 ? source.length() : end + 1;
            return;
        }
        if (source.startsWith("(?~", at)) {
            throw refused("absent operators are not supported");
        }
        int i = at + 2;
        while (i < source.length() && "imx-".indexOf(source.charAt(i)) >= 0) {
            i++;
        }
        boolean options = i > at + 2 && i < source.length() && (source.charAt(i) == ':' || source.charAt(i) == ')');
        if (!options) {
            out.append("(?");
            at += 2;
            while (at < source.length() && "<=!>:".indexOf(source.charAt(at)) >= 0) {
                copy();
            }
            groups.push(new int[] {start, 0});
            return;
        }
        out.append("(?").append(source.substring(at + 2, i).replace('m', 's')).append(':');
        if (source.charAt(i) == ':') {
            groups.push(new int[] {start, 0});
        } else {
            groups.element()[1]++;
        }
        at = i + 1;
    }

    private void close() {
        if (groups.size() == 1) {
            throw refused("a ')' closes nothing");
        }
        int[] group = groups.pop();
        out.repeat(")", group[1]);
        copy();
        atom = group[0];
    }

    private void interval() {
        int end = source.indexOf('}', at);
        String inside = end < 0 ? "" : source.substring(at + 1, end);
        if (!inside.matches("\\d+|\\d+,\\d*|,\\d+")) {
            atom = out.length();
            out.append("\\{");
            at++;
            return;
        }
        out.append('{').append(inside.startsWith(",") ? "0" + inside : inside).append('}');
        at = end + 1;
        if (at < source.length() && source.charAt(at) == '+') {
            out.insert(atom, "(?:").append(')');
        }
    }

    private void characterClass() {
        atom = out.length();
        copy();
        if (source.startsWith("^", at)) {
            copy();
        }
        if (source.startsWith("]", at)) {
            out.append("\\]");
            at++;
        }
        int depth = 1;
        while (depth > 0) {
            if (at >= source.length()) {
                throw refused("a character class is not closed");
            }
            char c = source.charAt(at);
            if (c == '\\') {
                escape(true);
            } else if (source.startsWith("[:", at) && source.indexOf(":]", at) > 0) {
                int end = source.indexOf(":]", at);
                property(source.substring(at + 2, end) + "-bracket", false);
                at = end + 2;
            } else {
                depth += c == '[' ? 1 : c == ']' ? -1 : 0;
                copyCodePoint();
            }
        }
    }

    private void escape(boolean inClass) {
        if (at + 1 >= source.length()) {
            throw refused("it ends with a backslash");
        }
        if (!inClass) {
            atom = out.length();
        }
        char c = source.charAt(at + 1);
        switch (c) {
            case 'p', 'P' -> {
                int end = source.indexOf('}', at);
                if (!source.startsWith("{", at + 2) || end < 0) {
                    throw refused("a property needs braces");
                }
                property(source.substring(at + 3, end), c == 'P');
                at = end + 1;
                return;
            }
            case 'x' -> {
                int end = source.startsWith("{", at + 2) ? source.indexOf('}', at) + 1 : at + 2;
                out.append(source, at, Math.max(end, at + 2));
                at = Math.max(end, at + 2);
                return;
            }
            case 'w' -> out.append('[').append(WORD).append(']');
            case 'W' -> out.append("[^").append(WORD).append(']');
            case 'h' -> out.append("[0-9a-fA-F]");
            case 'H' -> out.append("[^0-9a-fA-F]");
            case 'v' -> out.append("\\x0B");
            case 'N' -> out.append("[^\\n]");
            case 'O' -> out.append("(?s:.)");
            case '0' -> out.append("\\00");
            case 'K', 'g', 'y', 'Y', 'M', 'C' -> throw refused("\\" + c + " is not supported");
            default -> {
                boolean known = "aefnrtsSdDbBAzZGkRXuc123456789".indexOf(c) >= 0 || !Character.isLetter(c);
                out.append(known ? "\\" : "").append(c);
            }
        }
        at += 2;
    }

    private void property(String written, boolean negated) {
        boolean caret = written.startsWith("^");
        String name = caret ? written.substring(1) : written;
        String positive = propertyClass(name.replaceAll("[\\s_-]", "").toLowerCase(Locale.ROOT), name);
        out.append(caret != negated ? "[^" + positive + "]" : positive);
    }

    private String propertyClass(String key, String written) {
        if (key.endsWith("bracket")) {
            // A bracket of POSIX is the property of its name, but for these two.
            return switch (key) {
                case "punctbracket" -> "[\\p{P}\\p{S}]";
                case "wordbracket" -> "[\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
                default -> propertyClass(key.replace("bracket", ""), written);
            };
        }
        return switch (key) {
            case "letter" -> "\\p{L}";
            case "mark" -> "\\p{M}";
            case "number" -> "\\p{N}";
            case "punctuation", "punct" -> "\\p{P}";
            case "symbol" -> "\\p{S}";
            case "separator" -> "\\p{Z}";
            case "other" -> "\\p{C}";
            case "alpha", "alphabetic" -> "\\p{IsAlphabetic}";
            case "digit" -> "\\d";
            case "alnum" -> "[\\p{IsAlphabetic}\\d]";
            case "upper", "uppercase" -> "\\p{IsUppercase}";
            case "lower", "lowercase" -> "\\p{IsLowercase}";
            case "space", "whitespace" -> "\\s";
            case "cntrl" -> "\\p{Cc}";
            case "xdigit" -> "[0-9a-fA-F]";
            case "word" -> "[" + WORD + "]";
            case "blank" -> "[\\p{Zs}\\t]";
            case "graph" -> "\\p{Graph}";
            case "print" -> "\\p{Print}";
            case "ascii" -> "[\\x00-\\x7F]";
            case "any" -> "[\\x{0}-\\x{10FFFF}]";
            default -> key.length() <= 2 ? "\\p{" + category(key) + "}" : "\\p{Is" + named(written) + "}";
        };
    }

    /** Oniguruma does not care for the case of {@code \p{lu}}; Java does. */
    private static String category(String key) {
        return key.substring(0, 1).toUpperCase(Locale.ROOT) + key.substring(1);
    }

    private static String named(String written) {
        return written.startsWith("Is") ? written.substring(2) : written;
    }

    private IllegalArgumentException refused(String why) {
        return new IllegalArgumentException("regular expression '" + source + "': " + why);
    }
}
