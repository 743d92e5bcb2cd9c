package espalier.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Filters that make numbers, or are made of them. */
final class NumberFilters {
    private static final List<String> DECIMAL = List.of("kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB");
    private static final List<String> BINARY = List.of("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB");

    /** Possessive, so that no repetition takes a stack frame. */
    private static final Pattern REAL =
            Pattern.compile("[-+]?(?:\\d++(?:_\\d++)*+(?:\\.(?:\\d++(?:_\\d++)*+)?+)?+|\\.\\d++(?:_\\d++)*+)"
                    + "(?:[eE][-+]?\\d++(?:_\\d++)*+)?+");

    private NumberFilters() {}

    static void addTo(Map<String, Filters.Filter> all) {
        all.put("abs", NumberFilters::abs);
        all.put("int", NumberFilters::integer);
        all.put("float", NumberFilters::real);
        all.put("round", NumberFilters::round);
        all.put("filesizeformat", NumberFilters::fileSize);
    }

    private static Object abs(Render render, Object value, Arguments arguments) {
        arguments.positional("abs", 0, 0);
        if (value instanceof Double number) {
            return Math.abs(number);
        }
        if (!Numbers.isInteger(value)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("bad operand type for abs(): '" + Types.name(value) + "'");
        }
        return Numbers.integer(Numbers.big(value).abs());
    }

    private static Object integer(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("int", 0, "default", "base");
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        String text = Types.text(value);
        BigInteger whole = text != null ? parse(text, bound.count(1, 10)) : null;
        if (whole != null) {
            return Numbers.integer(whole);
        }
        if (Numbers.isInteger(value)) {
            return Arithmetic.plus(value);
        }
        Double number = text != null ? parseReal(text) : value instanceof Double real ? real : null;
        if (value instanceof Double real && real.isInfinite()) {
            throw Failure.of("cannot convert float infinity to integer");
        }
        if (number == null || number.isNaN() || number.isInfinite()) {
            return bound.or(0, 0L);
        }
        return Numbers.integer(new BigDecimal(number).toBigInteger());
    }

    /** As {@code int(text, base)}; null where that raises a ValueError. */
    static @Nullable BigInteger parse(String text, int base) {
        String digits = Characters.strip(text);
        boolean negative = digits.startsWith("-");
        if (negative || digits.startsWith("+")) {
            digits = digits.substring(1);
        }
        int radix = base;
        if (digits.length() > 1 && digits.charAt(0) == '0' && (base == 0 || base == prefixed(digits.charAt(1)))) {
            int named = prefixed(digits.charAt(1));
            if (named > 0) {
                radix = named;
                digits = digits.substring(2);
                digits = digits.startsWith("_") ? digits.substring(1) : digits;
            } else if (!digits.chars().allMatch(c -> c == '0' || c == '_')) {
                return null;
            }
        }
        radix = radix == 0 ? 10 : radix;
        if (radix < 2 || radix > 36 || !areDigits(digits, radix)) {
            return null;
        }
        digits = digits.replace("_", "");
        boolean tooLong = digits.length() > Numbers.MAX_DIGITS;
        return tooLong ? null : negative ? new BigInteger(digits, radix).negate() : new BigInteger(digits, radix);
    }

    private static int prefixed(char letter) {
        return switch (Character.toLowerCase(letter)) {
            case 'b' -> 2;
            case 'o' -> 8;
            case 'x' -> 16;
            default -> -1;
        };
    }

    private static boolean areDigits(String text, int radix) {
        boolean afterDigit = false;
        for (int i = 0; i < text.length(); i++) {
            boolean digit = Character.digit(text.charAt(i), radix) >= 0;
            if (!digit && !(text.charAt(i) == '_' && afterDigit)) {
                return false;
            }
            afterDigit = digit;
        }
        return afterDigit;
    }

    /** As {@code float(text)}; null where that raises a ValueError. */
    static @Nullable Double parseReal(String text) {
        String stripped = Characters.strip(text);
        String lower = Casing.lower(stripped);
        String unsigned = lower.startsWith("-") || lower.startsWith("+") ? lower.substring(1) : lower;
        double sign = lower.startsWith("-") ? -1 : 1;
        if (unsigned.equals("inf") || unsigned.equals("infinity")) {
            return sign * Double.POSITIVE_INFINITY;
        }
        if (unsigned.equals("nan")) {
            return Double.NaN;
        }
        boolean wellFormed = REAL.matcher(stripped).matches();
        return wellFormed ? Double.valueOf(stripped.replace("_", "")) : null;
    }

    private static Object real(Render render, Object value, Arguments arguments) {
        Object defaultValue = arguments.bind("float", 0, "default").or(0, 0.0);
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (Numbers.isNumber(value)) {
            return Numbers.real(value);
        }
        String text = Types.text(value);
        Double number = text == null ? null : parseReal(text);
        return number == null ? defaultValue : number;
    }

    private static Object round(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("round", 0, "precision", "method");
        String method = bound.text(1, "common");
        if (!List.of("common", "ceil", "floor").contains(method)) {
            throw Failure.of("method must be common, ceil or floor");
        }
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (!Numbers.isNumber(value)) {
            throw Failure.of("type " + Types.name(value) + " doesn't define __round__ method");
        }
        int precision = bound.count(0, 0);
        if (method.equals("common")) {
            return value instanceof Double number
                    ? (Object) rounded(number, precision)
                    : roundedInteger(value, precision);
        }
        Object factor = Arithmetic.apply(render, Expression.Binary.Operator.POWER, 10L, (long) precision);
        Object scaled = Arithmetic.apply(render, Expression.Binary.Operator.MULTIPLY, value, factor);
        RoundingMode mode = method.equals("ceil") ? RoundingMode.CEILING : RoundingMode.FLOOR;
        Object whole = scaled instanceof Double number ? whole(number, mode) : scaled;
        return Arithmetic.apply(render, Expression.Binary.Operator.DIVIDE, whole, factor);
    }

    private static Object whole(double number, RoundingMode mode) {
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            throw Failure.of("cannot convert float " + PythonText.real(number) + " to integer");
        }
        return Numbers.integer(new BigDecimal(number).setScale(0, mode).toBigInteger());
    }

    private static double rounded(double number, int precision) {
        boolean special = Double.isNaN(number) || Double.isInfinite(number) || number == 0 || precision > 400;
        if (special) {
            return number;
        }
        if (precision < -400) {
            return Math.copySign(0.0, number);
        }
        double result = new BigDecimal(number)
                .setScale(precision, RoundingMode.HALF_EVEN)
                .doubleValue();
        return result == 0 ? Math.copySign(0.0, number) : result;
    }

    private static Object roundedInteger(Object value, int precision) {
        if (precision >= 0) {
            return Arithmetic.plus(value);
        }
        if (precision < -Numbers.MAX_DIGITS) {
            return 0L;
        }
        BigDecimal rounded = new BigDecimal(Numbers.big(value)).setScale(precision, RoundingMode.HALF_EVEN);
        return Numbers.integer(rounded.toBigInteger());
    }

    private static Object fileSize(Render render, Object value, Arguments arguments) {
        boolean binary = arguments.bind("filesizeformat", 0, "binary").truth(0);
        String text = Types.text(value);
        Object number = text == null ? value : parseReal(text);
        if (number == null || !Numbers.isNumber(number)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("could not convert to float: " + PythonText.repr(render, value));
        }
        double bytes = Numbers.real(number);
        double base = binary ? 1024 : 1000;
        if (bytes == 1) {
            return "1 Byte";
        }
        if (bytes < base) {
            return (long) bytes + " Bytes";
        }
        double unit = base * base;
        List<String> prefixes = binary ? BINARY : DECIMAL;
        int i = 0;
        while (i < prefixes.size() - 1 && bytes >= unit) {
            unit *= base;
            i++;
        }
        return new FormatSpec(" ", '>', '-', false, 0, ' ', 1, 'f').real(base * bytes / unit) + " " + prefixes.get(i);
    }
}
