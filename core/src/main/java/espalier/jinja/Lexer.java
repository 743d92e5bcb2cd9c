package espalier.jinja;

import espalier.jinja.TemplateException.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens and settles all white space on the way, so that nothing after it knows of {@code -}, {@code +},
 * trim_blocks (the newline after a block or comment goes) and lstrip_blocks (blanks between the start of a line and a block or
 * comment go). Both are on, as chat templates expect.
 */
final class Lexer {
    private static final Pattern RAW_BEGIN = Pattern.compile("\\{%([-+]?)[\\s]*raw[\\s]*(-%\\}|%\\})");
    private static final Pattern RAW_END = Pattern.compile("\\{%([-+]?)[\\s]*endraw[\\s]*(\\+%\\}|-%\\}|%\\})");
    /** All quantifiers are possessive: others take a stack frame for each repetition of a group. */
    private static final Pattern FLOAT = Pattern.compile("(?<!\\.)\\d++(?:_\\d++)*+"
            + "(?:(?:\\.\\d++(?:_\\d++)*+)?+[eE][+\\-]?\\d++(?:_\\d++)*+|\\.\\d++(?:_\\d++)*+)");

    private static final Pattern INTEGER = Pattern.compile(
            "0[bB](?:_?[01])++|0[oO](?:_?[0-7])++|0[xX](?:_?[0-9a-fA-F])++|[1-9](?:_?\\d)*+|0(?:_?0)*+");
    private static final List<String> OPERATORS = List.of(
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
            "=", ".", ":", "|", ",", ";");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private final Deque<Character> open = new ArrayDeque<>();
    private int position;
    private int line = 1;
    private boolean atLineStart = true;

    private Lexer(String source) {
        this.source = source;
    }

    /** Ends with one token of kind {@link Token.Kind#END}. */
    static List<Token> tokens(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        if (source.endsWith("\n")) {
            source = source.substring(0, source.length() - 1);
        }
        Lexer lexer = new Lexer(source);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        while (position < source.length()) {
            int tag = nextTag(position);
            if (tag < 0) {
                data(source.substring(position));
                moveTo(source.length());
                break;
            }
            openTag(tag);
        }
        tokens.add(new Token(Token.Kind.END, "", line));
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '%' || next == '{' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    private void openTag(int tag) {
        char type = source.charAt(tag + 1);
        if (type == '%') {
            Matcher raw = RAW_BEGIN.matcher(source).region(tag, source.length());
            if (raw.lookingAt()) {
                dataBefore(tag, sign(tag + 2), true);
                moveTo(raw.group(2).startsWith("-") ? skipSpace(raw.end()) : raw.end());
                raw();
                return;
            }
        }
        char sign = sign(tag + 2);
        dataBefore(tag, sign, type != '{');
        moveTo(sign == ' ' ? tag + 2 : tag + 3);
        switch (type) {
            case '#' -> comment();
            case '%' -> {
                tokens.add(new Token(Token.Kind.BLOCK_BEGIN, "", line));
                code("%}", Token.Kind.BLOCK_END);
            }
            default -> {
                tokens.add(new Token(Token.Kind.VARIABLE_BEGIN, "", line));
                code("}}", Token.Kind.VARIABLE_END);
            }
        }
    }

    private char sign(int at) {
        char c = at < source.length() ? source.charAt(at) : ' ';
        return c == '-' || c == '+' ? c : ' ';
    }

    /** Emits the text up to a tag, its end stripped as the tag's sign demands, and moves to the tag. */
    private void dataBefore(int tag, char sign, boolean stripsLine) {
        String text = source.substring(position, tag);
        if (sign == '-') {
            data(Characters.stripEnd(text));
        } else if (sign != '+' && stripsLine) {
            int start = text.lastIndexOf('\n') + 1;
            boolean blank = (start > 0 || atLineStart) && Characters.isBlank(text, start);
            data(blank ? text.substring(0, start) : text);
        } else {
            data(text);
        }
        moveTo(tag);
    }

    private void data(String text) {
        if (!text.isEmpty()) {
            tokens.add(new Token(Token.Kind.DATA, text, line));
        }
    }

    private void moveTo(int end) {
        for (int i = position; i < end; i++) {
            if (source.charAt(i) == '\n') {
                line++;
            }
        }
        if (end > position) {
            atLineStart = source.charAt(end - 1) == '\n';
        }
        position = end;
    }

    private int skipSpace(int from) {
        int i = from;
        while (i < source.length() && Characters.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    private void raw() {
        Matcher end = RAW_END.matcher(source);
        if (!end.find(position)) {
            throw error("Missing end of raw directive");
        }
        dataBefore(end.start(), sign(end.start() + 2), true);
        moveTo(closed(end.end(), end.group(2).charAt(0), true));
    }

    private void comment() {
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw error("Missing end of comment tag");
        }
        char sign = end > position ? sign(end - 1) : ' ';
        moveTo(closed(end + 2, sign, true));
    }

    /** Where the template goes on after a closing tag that ends at {@code end}. */
    private int closed(int end, char sign, boolean trims) {
        if (sign == '-') {
            return skipSpace(end);
        }
        boolean newline = trims && sign != '+' && end < source.length() && source.charAt(end) == '\n';
        return newline ? end + 1 : end;
    }

    private void code(String closing, Token.Kind kind) {
        boolean block = kind == Token.Kind.BLOCK_END;
        while (position < source.length()) {
            if (open.isEmpty()) {
                char sign = sign(position);
                boolean plain = source.startsWith(closing, position);
                boolean signed = (sign == '-' || (sign == '+' && block)) && source.startsWith(closing, position + 1);
                if (plain || signed) {
                    tokens.add(new Token(kind, "", line));
                    moveTo(closed(position + (plain ? 2 : 3), plain ? ' ' : sign, block));
                    return;
                }
            }
            word();
        }
    }

    private void word() {
        char c = source.charAt(position);
        if (Characters.isSpace(c)) {
            moveTo(skipSpace(position));
        } else if (c >= '0' && c <= '9') {
            number();
        } else if (c == '\'' || c == '"') {
            string(c);
        } else if (Characters.isNameStart(source.codePointAt(position))) {
            name();
        } else {
            operator();
        }
    }

    private void number() {
        Matcher real = FLOAT.matcher(source).region(position, source.length()).useTransparentBounds(true);
        boolean isReal = real.lookingAt();
        Matcher number = isReal ? real : INTEGER.matcher(source).region(position, source.length());
        if (!number.lookingAt()) {
            throw error("unexpected char '" + source.charAt(position) + "'");
        }
        tokens.add(new Token(
                isReal ? Token.Kind.FLOAT : Token.Kind.INTEGER, number.group().replace("_", ""), line));
        moveTo(number.end());
    }

    private void name() {
        int end = position;
        while (end < source.length() && Characters.isNamePart(source.codePointAt(end))) {
            end += Character.charCount(source.codePointAt(end));
        }
        tokens.add(new Token(Token.Kind.NAME, source.substring(position, end), line));
        moveTo(end);
    }

    private void string(char quote) {
        int end = position + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw error("a string is not closed");
        }
        try {
            tokens.add(new Token(Token.Kind.STRING, Escapes.unescape(source.substring(position + 1, end)), line));
        } catch (Failure e) {
            throw error(e.getMessage());
        }
        moveTo(end + 1);
    }

    private void operator() {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, position)) {
                balance(operator);
                tokens.add(new Token(Token.Kind.OPERATOR, operator, line));
                moveTo(position + operator.length());
                return;
            }
        }
        throw error("unexpected char '" + Character.toString(source.codePointAt(position)) + "'");
    }

    private void balance(String operator) {
        switch (operator) {
            case "(" -> open.push(')');
            case "[" -> open.push(']');
            case "{" -> open.push('}');
            case ")", "]", "}" -> {
                if (open.isEmpty()) {
                    throw error("unexpected '" + operator + "'");
                }
                char expected = open.pop();
                if (expected != operator.charAt(0)) {
                    throw error("unexpected '" + operator + "', expected '" + expected + "'");
                }
            }
            default -> {}
        }
    }

    private TemplateException error(String message) {
        return new TemplateException(Kind.SYNTAX, line, message);
    }
}
