package espalier.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;

/** {@code format % values}, in the manner of C. */
final class PercentFormat {
    private final Render render;
    private final String format;
    private final Object values;
    private final boolean markup;
    private int at;
    private int used;

    private PercentFormat(Render render, Object format, Object values) {
        this.render = render;
        this.format = format instanceof Markup text ? text.text() : (String) format;
        this.values = values;
        this.markup = format instanceof Markup;
    }

    static Object format(Render render, Object format, Object values) {
        PercentFormat percent = new PercentFormat(render, format, values);
        String result = percent.run();
        return percent.markup ? new Markup(result) : result;
    }

    private String run() {
        Text out = new Text(render);
        while (true) {
            int next = format.indexOf('%', at);
            if (next < 0) {
                out.append(format.substring(at));
                break;
            }
            out.append(format.substring(at, next));
            at = next + 1;
            out.append(conversion());
        }
        if (values instanceof Tuple tuple ? used < tuple.items().size() : used == 0 && !isMapping()) {
            throw Failure.of("not all arguments converted during string formatting");
        }
        return out.toString();
    }

    /** What has items by key is not counted among the values that must be used. */
    private boolean isMapping() {
        return values instanceof Dict
                || values instanceof ListValue
                || values instanceof Undefined
                || values instanceof Range;
    }

    private char peek() {
        if (at >= format.length()) {
            throw Failure.of("incomplete format");
        }
        return format.charAt(at);
    }

    private String conversion() {
        int start = at;
        Object keyed = null;
        if (peek() == '(') {
            keyed = keyed();
        }
        StringBuilder flags = new StringBuilder();
        while ("-+ #0".indexOf(peek()) >= 0) {
            flags.append(format.charAt(at++));
        }
        int width = number();
        int precision = -1;
        if (peek() == '.') {
            at++;
            precision = Math.max(0, number());
        }
        while (peek() == 'h' || peek() == 'l' || peek() == 'L') {
            at++;
        }
        char type = format.charAt(at++);
        if (type == '%' && at == start + 1) {
            return "%";
        }
        if ("diouxXeEfFgGcrsa".indexOf(type) < 0) {
            throw Failure.of("unsupported format character '" + type + "'");
        }
        boolean left = flags.indexOf("-") >= 0 || width < 0;
        boolean zero = flags.indexOf("0") >= 0 && !left && "rsac".indexOf(type) < 0;
        char sign = flags.indexOf("+") >= 0 ? '+' : flags.indexOf(" ") >= 0 ? ' ' : '-';
        FormatSpec spec = new FormatSpec(
                zero ? "0" : " ",
                left ? '<' : zero ? '=' : '>',
                sign,
                flags.indexOf("#") >= 0,
                Math.abs(width),
                ' ',
                precision,
                type);
        return converted(spec, keyed == null ? next() : keyed);
    }

    private Object keyed() {
        int depth = 1;
        int start = ++at;
        while (depth > 0) {
            char c = peek();
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            at++;
        }
        if (!(values instanceof Dict dict)) {
            throw Failure.of("format requires a mapping");
        }
        String key = format.substring(start, at - 1);
        Object value = dict.get(key);
        if (value == null) {
            throw Failure.of("KeyError: " + PythonText.quoted(key));
        }
        used++;
        return value;
    }

    private Object next() {
        if (values instanceof Tuple tuple) {
            List<Object> items = tuple.items();
            if (used >= items.size()) {
                throw Failure.of("not enough arguments for format string");
            }
            return items.get(used++);
        }
        if (used++ > 0) {
            throw Failure.of("not enough arguments for format string");
        }
        return values;
    }

    private int number() {
        if (peek() == '*') {
            at++;
            Object value = next();
            if (!Numbers.isSmall(value)) {
                throw Failure.of("* wants int");
            }
            return checked(Numbers.small(value));
        }
        long number = 0;
        while (peek() >= '0' && peek() <= '9') {
            number = checked(number * 10 + format.charAt(at++) - '0');
        }
        return (int) number;
    }

    private static int checked(long width) {
        if (Math.abs(width) > 1 << 20) {
            throw Failure.limit("a format asks for a width of " + width);
        }
        return (int) width;
    }

    private String converted(FormatSpec spec, Object value) {
        return switch (spec.type()) {
            case 's' -> plain(spec).text(escaped(PythonText.str(render, value), value));
            case 'r' -> plain(spec).text(escaped(PythonText.repr(render, value), ""));
            case 'a' -> plain(spec).text(escaped(PythonText.ascii(render, value), ""));
            case 'c' -> plain(spec.withPrecision(-1)).text(character(value));
            case 'd', 'i', 'u' -> integer(spec, whole(value, spec.type()), 'd');
            case 'o', 'x', 'X' -> {
                if (!Numbers.isInteger(value)) {
                    throw Failure.of("%" + spec.type() + " format: an integer is required, not " + Types.name(value));
                }
                yield integer(spec, Numbers.big(value), spec.type());
            }
            default -> {
                if (!Numbers.isNumber(value)) {
                    throw value instanceof Undefined undefined
                            ? undefined.failure()
                            : Failure.of("must be real number, not " + Types.name(value));
                }
                yield spec.real(Numbers.real(value));
            }
        };
    }

    private String escaped(String text, Object value) {
        return markup && !(value instanceof Markup) ? Markup.escape(text) : text;
    }

    private static FormatSpec plain(FormatSpec spec) {
        return new FormatSpec(
                " ", spec.align() == '<' ? '<' : '>', '-', false, spec.width(), ' ', spec.precision(), 's');
    }

    private String character(Object value) {
        String text = Types.text(value);
        if (text != null && CodePoints.length(text) == 1) {
            return text;
        }
        if (text == null && Numbers.isInteger(value)) {
            return new FormatSpec(" ", '>', '-', false, 0, ' ', -1, 'c').integer(Numbers.big(value));
        }
        throw Failure.of("%c requires int or char");
    }

    private BigInteger whole(Object value, char type) {
        if (value instanceof Double number && !Double.isNaN(number) && !Double.isInfinite(number)) {
            return new BigDecimal(number).toBigInteger();
        }
        if (!Numbers.isInteger(value)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("%" + type + " format: a real number is required, not " + Types.name(value));
        }
        return Numbers.big(value);
    }

    /** A precision here is the least number of digits. */
    private static String integer(FormatSpec spec, BigInteger value, char type) {
        FormatSpec digits = new FormatSpec("0", '=', '-', false, Math.max(0, spec.precision()), ' ', -1, type);
        if (spec.precision() <= 0) {
            return spec.withPrecision(-1).withType(type).integer(value);
        }
        String text = digits.integer(value.abs());
        String prefix = value.signum() < 0 ? "-" : spec.sign() == '-' ? "" : String.valueOf(spec.sign());
        String base = spec.alternate() && type != 'd' ? "0" + type : "";
        return spec.padded(prefix + base, text);
    }
}
