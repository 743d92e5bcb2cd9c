package espalier.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Python's mini-language for formats: {@code [[fill]align][sign][z][#][0][width][,][.precision][type]}. The old {@code %} formats
 * are translated into it.
 *
 * @param align one of {@code <>=^}, or blank for the type's own
 * @param width 0 for none
 * @param precision negative for none
 * @param type a letter, or blank
 */
record FormatSpec(
        String fill, char align, char sign, boolean alternate, int width, char grouping, int precision, char type) {
    private static final Pattern SYNTAX = Pattern.compile(
            "(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\\d+)?([,_])?(?:\\.(\\d+))?([a-zA-Z%])?", Pattern.DOTALL);
    private static final int MAX_WIDTH = 1 << 20;

    static FormatSpec parse(String text) {
        Matcher m = SYNTAX.matcher(text);
        if (!m.matches()) {
            throw Failure.of("Invalid format specifier '" + text + "'");
        }
        if (m.group(4) != null) {
            throw Failure.of("the format option 'z' is not supported");
        }
        boolean zero = m.group(6) != null;
        String align = m.group(2);
        String fill = m.group(1) != null ? m.group(1) : zero && align == null ? "0" : " ";
        if (zero && m.group(1) == null) {
            fill = "0";
        }
        return new FormatSpec(
                fill,
                align != null ? align.charAt(0) : zero ? '=' : ' ',
                first(m.group(3), '-'),
                m.group(5) != null,
                size(m.group(7), 0),
                first(m.group(8), ' '),
                size(m.group(9), -1),
                first(m.group(10), ' '));
    }

    private static char first(@Nullable String text, char defaultValue) {
        return text == null ? defaultValue : text.charAt(0);
    }

    private static int size(@Nullable String digits, int defaultValue) {
        if (digits == null) {
            return defaultValue;
        }
        if (digits.length() > 9 || Integer.parseInt(digits) > MAX_WIDTH) {
            throw Failure.limit("a format asks for a width of " + digits);
        }
        return Integer.parseInt(digits);
    }

    /** As {@code format(value, spec)}. */
    String format(Render render, Object value) {
        String text = Types.text(value);
        if (text != null) {
            return text(text);
        }
        if (value instanceof Double number) {
            return real(number);
        }
        if (value instanceof Boolean && type == ' ') {
            return equals(parse("")) ? PythonText.str(render, value) : integer(Numbers.big(value));
        }
        if (Numbers.isInteger(value)) {
            return "eEfFgG%".indexOf(type) >= 0 ? real(Numbers.real(value)) : integer(Numbers.big(value));
        }
        if (equals(parse(""))) {
            return PythonText.str(render, value);
        }
        throw Failure.of("unsupported format string passed to " + Types.name(value) + ".__format__");
    }

    String text(String text) {
        if (type != ' ' && type != 's') {
            throw Failure.of("Unknown format code '" + type + "' for object of type 'str'");
        }
        if (sign != '-' || alternate || grouping != ' ' || (align == '=' && !fill.equals("0"))) {
            throw Failure.of("a format of a string allows no sign, '#', ',' or '='");
        }
        String cut = precision >= 0 && CodePoints.length(text) > precision
                ? text.substring(0, text.offsetByCodePoints(0, precision))
                : text;
        return pad("", cut, align == ' ' || align == '=' ? '<' : align);
    }

    String integer(BigInteger value) {
        if (precision >= 0) {
            throw Failure.of("Precision not allowed in integer format specifier");
        }
        BigInteger magnitude = value.abs();
        String prefix = sign(value.signum() < 0) + (alternate && "boxX".indexOf(type) >= 0 ? "0" + type : "");
        String digits = switch (type) {
            case ' ', 'd', 'n' -> grouped(PythonText.digits(magnitude), 3, prefix.length());
            case 'b' -> grouped(magnitude.toString(2), 4, prefix.length());
            case 'o' -> grouped(magnitude.toString(8), 4, prefix.length());
            case 'x' -> grouped(magnitude.toString(16), 4, prefix.length());
            case 'X' -> grouped(magnitude.toString(16).toUpperCase(Locale.ROOT), 4, prefix.length());
            case 'c' -> character(value);
            default -> throw Failure.of("Unknown format code '" + type + "' for object of type 'int'");
        };
        return pad(prefix, digits, align == ' ' ? '>' : align);
    }

    private static String character(BigInteger value) {
        if (value.signum() < 0 || value.bitLength() > 21 || value.intValue() > Character.MAX_CODE_POINT) {
            throw Failure.of("%c arg not in range(0x110000)");
        }
        return Character.toString(value.intValue());
    }

    String real(double value) {
        boolean finite = !Double.isNaN(value) && !Double.isInfinite(value);
        String sign = sign(!Double.isNaN(value) && (value < 0 || 1 / value < 0));
        String digits =
                finite ? finite(Math.abs(value)) : (Double.isNaN(value) ? "nan" : "inf") + (type == '%' ? "%" : "");
        int whole = 0;
        while (whole < digits.length() && Character.isDigit(digits.charAt(whole))) {
            whole++;
        }
        if (finite) {
            int reserved = sign.length() + digits.length() - whole;
            digits = grouped(digits.substring(0, whole), 3, reserved) + digits.substring(whole);
        }
        return pad(
                sign,
                Character.isUpperCase(type) ? digits.toUpperCase(Locale.ROOT) : digits,
                align == ' ' ? '>' : align);
    }

    private String finite(double magnitude) {
        int decimals = precision < 0 ? 6 : precision;
        return switch (Character.toLowerCase(type)) {
            case 'f' -> fixed(magnitude, decimals);
            case '%' -> fixed(magnitude * 100, decimals) + "%";
            case 'e' -> scientific(magnitude, decimals);
            case 'g', 'n' -> general(magnitude, Math.max(1, decimals), false);
            case ' ' -> precision < 0 ? PythonText.real(magnitude) : general(magnitude, Math.max(1, precision), true);
            default -> throw Failure.of("Unknown format code '" + type + "' for object of type 'float'");
        };
    }

    private String fixed(double value, int decimals) {
        String text =
                new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
        return alternate && decimals == 0 ? text + "." : text;
    }

    private String scientific(double value, int decimals) {
        if (value == 0) {
            return (decimals == 0 ? "0" + (alternate ? "." : "") : "0." + "0".repeat(decimals)) + "e+00";
        }
        BigDecimal rounded =
                new BigDecimal(value).round(new java.math.MathContext(decimals + 1, RoundingMode.HALF_EVEN));
        String digits = rounded.unscaledValue().toString();
        int exponent = digits.length() - rounded.scale() - 1;
        digits = digits.length() > decimals + 1
                ? digits.substring(0, decimals + 1)
                : digits + "0".repeat(decimals + 1 - digits.length());
        String mantissa =
                decimals == 0 ? digits + (alternate ? "." : "") : digits.charAt(0) + "." + digits.substring(1);
        return mantissa + exponent(exponent);
    }

    private static String exponent(int exponent) {
        return (exponent < 0 ? "e-" : "e+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }

    /** Significant digits, in whichever notation is shorter; as {@code str} would if it keeps a point. */
    private String general(double value, int significant, boolean keepsPoint) {
        BigDecimal rounded = value == 0
                ? BigDecimal.ZERO
                : new BigDecimal(value).round(new java.math.MathContext(significant, RoundingMode.HALF_EVEN));
        int exponent = value == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
        if (exponent < -4 || exponent >= (keepsPoint && significant > 1 ? significant - 1 : significant)) {
            String text = scientific(value, significant - 1);
            return alternate
                    ? text
                    : withoutZeros(text.substring(0, text.indexOf('e'))) + text.substring(text.indexOf('e'));
        }
        String text = fixed(rounded.doubleValue(), Math.max(0, significant - 1 - exponent));
        if (alternate) {
            return text;
        }
        text = withoutZeros(text);
        return keepsPoint && text.indexOf('.') < 0 ? text + ".0" : text;
    }

    private static String withoutZeros(String text) {
        if (text.indexOf('.') < 0) {
            return text;
        }
        int end = text.length();
        while (text.charAt(end - 1) == '0') {
            end--;
        }
        return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
    }

    /** With separators; zeros that fill the width, of which some is reserved for what stands around, have theirs too. */
    private String grouped(String digits, int size, int reserved) {
        if (grouping == ' ') {
            return digits;
        }
        String all = digits;
        if (align == '=' && fill.equals("0")) {
            int count = digits.length();
            while (count + (count - 1) / size < width - reserved) {
                count++;
            }
            all = "0".repeat(count - digits.length()) + digits;
        }
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < all.length(); i++) {
            if (i > 0 && (all.length() - i) % size == 0) {
                out.append(grouping);
            }
            out.append(all.charAt(i));
        }
        return out.toString();
    }

    private String sign(boolean negative) {
        return negative ? "-" : sign == '-' ? "" : String.valueOf(sign);
    }

    FormatSpec withPrecision(int digits) {
        return new FormatSpec(fill, align, sign, alternate, width, grouping, digits, type);
    }

    FormatSpec withType(char letter) {
        return new FormatSpec(fill, align, sign, alternate, width, grouping, precision, letter);
    }

    String padded(String prefix, String text) {
        return pad(prefix, text, align);
    }

    private String pad(String prefix, String text, char alignment) {
        int missing = width - CodePoints.length(prefix) - CodePoints.length(text);
        if (missing <= 0) {
            return prefix + text;
        }
        return switch (alignment) {
            case '<' -> prefix + text + fill.repeat(missing);
            case '^' -> fill.repeat(missing / 2) + prefix + text + fill.repeat(missing - missing / 2);
            case '=' -> prefix + fill.repeat(missing) + text;
            default -> fill.repeat(missing) + prefix + text;
        };
    }
}
