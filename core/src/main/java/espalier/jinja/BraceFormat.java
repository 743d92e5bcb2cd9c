package espalier.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code str.format}: fields in braces, numbered, counted or named, with attributes, conversions and formats. */
final class BraceFormat {
    private final Render render;
    private final List<Object> positional;
    private final Map<String, Object> named;
    private final boolean escapes;
    /** The number of the next counted field; negative once a field was numbered. */
    private int counted;

    private BraceFormat(Render render, Arguments arguments, boolean escapes) {
        this.render = render;
        this.positional = arguments.positional();
        this.named = arguments.named();
        this.escapes = escapes;
    }

    static Object format(Render render, Object format, Arguments arguments) {
        if (format instanceof Markup markup) {
            return new Markup(new BraceFormat(render, arguments, true).text(markup.text(), 2));
        }
        return new BraceFormat(render, arguments, false).text((String) format, 2);
    }

    private String text(String format, int depth) {
        if (depth < 0) {
            throw Failure.of("Max string recursion exceeded");
        }
        Text out = new Text(render);
        int at = 0;
        while (at < format.length()) {
            char c = format.charAt(at);
            if (c != '{' && c != '}') {
                int end = at;
                while (end < format.length() && format.charAt(end) != '{' && format.charAt(end) != '}') {
                    end++;
                }
                out.append(format.substring(at, end));
                at = end;
            } else if (at + 1 < format.length() && format.charAt(at + 1) == c) {
                out.append(String.valueOf(c));
                at += 2;
            } else if (c == '}') {
                throw Failure.of("Single '}' encountered in format string");
            } else {
                int end = closing(format, at);
                out.append(field(format.substring(at + 1, end), depth));
                at = end + 1;
            }
        }
        return out.toString();
    }

    private static int closing(String format, int open) {
        int depth = 0;
        boolean inBrackets = false;
        for (int i = open; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c == '[' && depth == 1) {
                inBrackets = true;
            } else if (c == ']') {
                inBrackets = false;
            } else if (c == '{') {
                depth++;
            } else if (c == '}' && !(inBrackets && depth == 1) && --depth == 0) {
                return i;
            }
        }
        throw Failure.of(
                open + 1 == format.length()
                        ? "Single '{' encountered in format string"
                        : "expected '}' before end of string");
    }

    private String field(String field, int depth) {
        int end = nameEnd(field);
        String name = field.substring(0, end);
        String rest = field.substring(end);
        char conversion = ' ';
        if (rest.startsWith("!")) {
            if (rest.length() < 2 || (rest.length() > 2 && rest.charAt(2) != ':')) {
                throw Failure.of("expected ':' after conversion specifier");
            }
            conversion = rest.charAt(1);
            rest = rest.substring(2);
        }
        Object value = converted(value(name), conversion);
        String spec = rest.isEmpty() ? "" : text(rest.substring(1), depth - 1);
        return formatted(value, spec);
    }

    private String formatted(Object value, String spec) {
        if (escapes && value instanceof Markup markup) {
            if (!spec.isEmpty()) {
                throw Failure.of("Unsupported format specification for Markup.");
            }
            return markup.text();
        }
        String text = FormatSpec.parse(spec).format(render, value);
        return escapes ? Markup.escape(text) : text;
    }

    private static int nameEnd(String field) {
        boolean inBrackets = false;
        for (int i = 0; i < field.length(); i++) {
            char c = field.charAt(i);
            inBrackets = c == '[' || (inBrackets && c != ']');
            if (!inBrackets && (c == '!' || c == ':')) {
                return i;
            }
        }
        return field.length();
    }

    private Object converted(Object value, char conversion) {
        return switch (conversion) {
            case ' ' -> value;
            case 's' -> PythonText.str(render, value);
            case 'r' -> PythonText.repr(render, value);
            case 'a' -> PythonText.ascii(render, value);
            default -> throw Failure.of("Unknown conversion specifier " + conversion);
        };
    }

    private Object value(String path) {
        int end = 0;
        while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
            end++;
        }
        Object value = first(path.substring(0, end), end == path.length());
        while (end < path.length()) {
            if (path.charAt(end) == '.') {
                int next = end + 1;
                while (next < path.length() && path.charAt(next) != '.' && path.charAt(next) != '[') {
                    next++;
                }
                value = Attributes.attribute(render, value, part(path, end + 1, next));
                end = next;
            } else {
                int close = path.indexOf(']', end);
                if (close < 0) {
                    throw Failure.of("Missing ']' in format string");
                }
                String key = part(path, end + 1, close);
                value = Attributes.item(render, value, isNumber(key) ? (Object) Long.valueOf(key) : key);
                end = close + 1;
                if (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
                    throw Failure.of("Only '.' or '[' may follow ']' in format field specifier");
                }
            }
        }
        return value;
    }

    private static String part(String path, int from, int to) {
        if (from == to) {
            throw Failure.of("Empty attribute in format string");
        }
        return path.substring(from, to);
    }

    /** The argument at the start of a path; only paths of one part are counted, or held against those that are. */
    private Object first(String name, boolean alone) {
        boolean counts = name.isEmpty() && alone;
        if (counts || isNumber(name)) {
            if (alone && (counts ? counted < 0 : counted > 0)) {
                throw Failure.of("cannot mix manual field specification and automatic field numbering");
            }
            int index = counts ? counted++ : Integer.parseInt(name);
            counted = counts || !alone ? counted : -1;
            if (index >= positional.size()) {
                throw Failure.of("Replacement index " + index + " out of range for positional args tuple");
            }
            return positional.get(index);
        }
        @Nullable Object value = named.get(name);
        if (value == null) {
            throw Failure.of("KeyError: " + PythonText.quoted(name));
        }
        return value;
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.length() < 9 && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }
}
