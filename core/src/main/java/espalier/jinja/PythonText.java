package espalier.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Collection;

/** {@code str} and {@code repr} of values. */
final class PythonText {
    private static final int MAX_DEPTH = 200;

    private final Render render;
    private final Text out;

    private PythonText(Render render, Text out) {
        this.render = render;
        this.out = out;
    }

    /** As {@code str(value)}. */
    static String str(Render render, Object value) {
        return switch (value) {
            case String text -> text;
            case Markup markup -> markup.text();
            case Undefined undefined -> "";
            case Long number -> Long.toString(number);
            default -> repr(render, value);
        };
    }

    /** As {@code repr(value)}. */
    static String repr(Render render, Object value) {
        Text out = new Text(render);
        new PythonText(render, out).write(value, 0);
        return out.toString();
    }

    private void write(Object value, int depth) {
        render.visit();
        if (depth > MAX_DEPTH) {
            throw Failure.limit("a value nests too deep to be printed");
        }
        switch (value) {
            case String text -> out.append(quoted(text));
            case Markup markup ->
                out.append("Markup(").append(quoted(markup.text())).append(")");
            case Boolean truth -> out.append(truth ? "True" : "False");
            case None none -> out.append("None");
            case Long number -> out.append(Long.toString(number));
            case BigInteger number -> out.append(digits(number));
            case Double number -> out.append(real(number));
            case Undefined undefined -> out.append("Undefined");
            case ListValue list -> sequence("[", list.items(), "]", depth);
            case Tuple tuple -> sequence("(", tuple.items(), tuple.items().size() == 1 ? ",)" : ")", depth);
            case Dict dict -> dict(dict, depth);
            case Dict.View view -> sequence(Types.name(view) + "([", view.list(), "])", depth);
            case Range range -> range(range);
            case Namespace namespace -> {
                out.append("<Namespace ");
                dict(namespace.dict(), depth);
                out.append(">");
            }
            case Loop loop -> out.append("<LoopContext " + loop.index() + "/" + loop.length() + ">");
            case Stream stream -> out.append("<" + stream.typeName() + " object at 0x7f0000000000>");
            case Callable callable -> out.append(callable.describe());
            default -> out.append("<" + Types.name(value) + ">");
        }
    }

    private void sequence(String open, Collection<Object> items, String close, int depth) {
        out.append(open);
        String separator = "";
        for (Object item : items) {
            out.append(separator);
            write(item, depth + 1);
            separator = ", ";
        }
        out.append(close);
    }

    private void dict(Dict dict, int depth) {
        out.append("{");
        String separator = "";
        for (Dict.Entry entry : dict.entries()) {
            out.append(separator);
            write(entry.key(), depth + 1);
            out.append(": ");
            write(entry.value(), depth + 1);
            separator = ", ";
        }
        out.append("}");
    }

    private void range(Range range) {
        String step = range.step() == 1 ? "" : ", " + range.step();
        out.append("range(" + range.start() + ", " + range.stop() + step + ")");
    }

    static String digits(BigInteger number) {
        if (number.bitLength() > 14_280 && number.abs().toString().length() > Numbers.MAX_DIGITS) {
            throw Failure.of("Exceeds the limit (4300 digits) for integer string conversion");
        }
        return number.toString();
    }

    /** As {@code repr} of a string: in single quotes unless only they occur in it. */
    static String quoted(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder out = new StringBuilder(text.length() + 2).append(quote);
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            escape(text.codePointAt(i), quote, out);
        }
        return out.append(quote).toString();
    }

    private static void escape(int c, char quote, StringBuilder out) {
        switch (c) {
            case '\\' -> out.append("\\\\");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
                if (c == quote) {
                    out.append('\\').append(quote);
                } else if (Characters.isPrintable(c)) {
                    out.appendCodePoint(c);
                } else {
                    out.append(hexadecimal(c));
                }
            }
        }
    }

    /** As {@code repr} of a float: the shortest digits that read back as the number, with an exponent below 1e-4 and from 1e16. */
    static String real(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        String sign = number < 0 || 1 / number < 0 ? "-" : "";
        if (number == 0) {
            return sign + "0.0";
        }
        BigDecimal decimal = shortest(Math.abs(number));
        String digits = decimal.unscaledValue().toString();
        int exponent = digits.length() - decimal.scale() - 1;
        if (exponent < -4 || exponent >= 16) {
            return sign + scientific(digits, exponent);
        }
        String plain = decimal.toPlainString();
        return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
    }

    /** Java writes two digits at least, of which the second may be more than is needed (4.9e-324 for 5e-324). */
    private static BigDecimal shortest(double number) {
        BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        if (decimal.precision() == 2) {
            BigDecimal one = decimal.round(new MathContext(1, RoundingMode.HALF_EVEN));
            return one.doubleValue() == number ? one.stripTrailingZeros() : decimal;
        }
        return decimal;
    }

    /** As {@code ascii(value)}: as {@code repr} with all that is not ASCII escaped. */
    static String ascii(Render render, Object value) {
        StringBuilder out = new StringBuilder();
        repr(render, value).codePoints().forEach(c -> {
            if (c < 0x80) {
                out.append((char) c);
            } else {
                out.append(hexadecimal(c));
            }
        });
        return out.toString();
    }

    private static String hexadecimal(int c) {
        return (c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(c);
    }

    private static String scientific(String digits, int exponent) {
        String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        String power = Integer.toString(Math.abs(exponent));
        return mantissa + (exponent < 0 ? "e-" : "e+") + (power.length() < 2 ? "0" : "") + power;
    }
}
