package espalier.jinja;

import espalier.jinja.Expression.Binary.Operator;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** The operators on numbers, and those of them that texts and lists know too. */
final class Arithmetic {
    /** More than Python prints, and little enough that arithmetic with it takes no time to speak of. */
    private static final int MAX_BITS = 1 << 15;

    private Arithmetic() {}

    static Object apply(Render render, Operator operator, Object a, Object b) {
        if (a instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (b instanceof Undefined undefined && !(operator == Operator.MODULO && Types.text(a) != null)) {
            throw undefined.failure();
        }
        if (a instanceof BigInteger big) {
            render.spend(big.bitLength());
        }
        if (b instanceof BigInteger big) {
            render.spend(big.bitLength());
        }
        return switch (operator) {
            case ADD -> add(render, a, b);
            case SUBTRACT -> subtract(a, b);
            case MULTIPLY -> multiply(render, a, b);
            case DIVIDE -> divide(a, b);
            case FLOOR_DIVIDE -> floorDivide(a, b);
            case MODULO -> modulo(render, a, b);
            case POWER -> power(render, a, b);
        };
    }

    static Object add(Render render, Object a, Object b) {
        if (Numbers.isSmall(a) && Numbers.isSmall(b)) {
            long left = Numbers.small(a);
            long right = Numbers.small(b);
            long sum = left + right;
            return ((left ^ sum) & (right ^ sum)) < 0 ? (Object) Numbers.big(a).add(Numbers.big(b)) : sum;
        }
        String left = Types.text(a);
        String right = Types.text(b);
        if (left != null && right != null) {
            return join(render, a, b);
        }
        if (a instanceof ListValue list && b instanceof ListValue other) {
            return new ListValue(joined(render, list.items(), other.items()));
        }
        if (a instanceof Tuple tuple && b instanceof Tuple other) {
            return new Tuple(joined(render, tuple.items(), other.items()));
        }
        if (left != null) {
            throw Failure.of("can only concatenate str (not \"" + Types.name(b) + "\") to str");
        }
        checkNumbers(a, b, "+");
        return isReal(a, b)
                ? (Object) (Numbers.real(a) + Numbers.real(b))
                : bounded(Numbers.big(a).add(Numbers.big(b)));
    }

    private static Object join(Render render, Object a, Object b) {
        boolean markup = a instanceof Markup || b instanceof Markup;
        String left = markup ? escaped(a) : (String) a;
        String right = markup ? escaped(b) : (String) b;
        render.reserve((long) left.length() + right.length());
        String joined = left.concat(right);
        return markup ? new Markup(joined) : joined;
    }

    private static String escaped(Object value) {
        return value instanceof Markup markup ? markup.text() : Markup.escape((String) value);
    }

    private static List<Object> joined(Render render, List<Object> a, List<Object> b) {
        render.reserve((long) a.size() + b.size());
        List<Object> items = new ArrayList<>(a.size() + b.size());
        items.addAll(a);
        items.addAll(b);
        return items;
    }

    private static Object subtract(Object a, Object b) {
        if (Numbers.isSmall(a) && Numbers.isSmall(b)) {
            long left = Numbers.small(a);
            long right = Numbers.small(b);
            long difference = left - right;
            boolean overflows = ((left ^ right) & (left ^ difference)) < 0;
            return overflows ? (Object) Numbers.big(a).subtract(Numbers.big(b)) : difference;
        }
        checkNumbers(a, b, "-");
        return isReal(a, b)
                ? (Object) (Numbers.real(a) - Numbers.real(b))
                : bounded(Numbers.big(a).subtract(Numbers.big(b)));
    }

    private static Object multiply(Render render, Object a, Object b) {
        if (isRepeatable(a) && Numbers.isInteger(b)) {
            return repeat(render, a, Numbers.count(b, "factor"));
        }
        if (isRepeatable(b) && Numbers.isInteger(a)) {
            return repeat(render, b, Numbers.count(a, "factor"));
        }
        checkNumbers(a, b, "*");
        if (isReal(a, b)) {
            return Numbers.real(a) * Numbers.real(b);
        }
        return bounded(Numbers.big(a).multiply(Numbers.big(b)));
    }

    private static boolean isRepeatable(Object value) {
        return value instanceof String
                || value instanceof Markup
                || value instanceof ListValue
                || value instanceof Tuple;
    }

    private static Object repeat(Render render, Object value, int times) {
        int count = Math.max(0, times);
        String text = Types.text(value);
        if (text != null) {
            render.reserve((long) text.length() * count);
            return value instanceof Markup ? new Markup(text.repeat(count)) : text.repeat(count);
        }
        List<Object> items = value instanceof ListValue list ? list.items() : ((Tuple) value).items();
        render.reserve((long) items.size() * count);
        List<Object> repeated = new ArrayList<>();
        for (int i = 0; i < count && !items.isEmpty(); i++) {
            repeated.addAll(items);
        }
        return value instanceof ListValue ? new ListValue(repeated) : new Tuple(repeated);
    }

    private static Object divide(Object a, Object b) {
        checkNumbers(a, b, "/");
        checkDivisor(b, "division by zero");
        if (isReal(a, b) || (exact(a) && exact(b))) {
            return Numbers.real(a) / Numbers.real(b);
        }
        BigDecimal quotient =
                new BigDecimal(Numbers.big(a)).divide(new BigDecimal(Numbers.big(b)), new MathContext(60));
        double result = quotient.doubleValue();
        if (Double.isInfinite(result)) {
            throw Failure.of("integer division result too large for a float");
        }
        return result;
    }

    private static boolean exact(Object value) {
        return Numbers.isSmall(value) && Math.abs(Numbers.small(value)) <= 1L << 53;
    }

    private static Object floorDivide(Object a, Object b) {
        checkNumbers(a, b, "//");
        checkDivisor(b, "integer division or modulo by zero");
        if (isReal(a, b)) {
            double left = Numbers.real(a);
            double right = Numbers.real(b);
            double remainder = floorModulo(left, right);
            double quotient = (left - remainder) / right;
            double floor = Math.floor(quotient);
            return quotient - floor > 0.5 ? floor + 1 : quotient == 0 ? Math.copySign(0.0, left / right) : floor;
        }
        if (Numbers.isSmall(a) && Numbers.isSmall(b) && Numbers.small(b) != -1) {
            return Math.floorDiv(Numbers.small(a), Numbers.small(b));
        }
        BigInteger[] parts = Numbers.big(a).divideAndRemainder(Numbers.big(b));
        boolean below =
                parts[1].signum() != 0 && parts[1].signum() != Numbers.big(b).signum();
        return Numbers.integer(below ? parts[0].subtract(BigInteger.ONE) : parts[0]);
    }

    static Object modulo(Render render, Object a, Object b) {
        if (Types.text(a) != null) {
            return PercentFormat.format(render, a, b);
        }
        checkNumbers(a, b, "%");
        checkDivisor(b, "integer division or modulo by zero");
        if (isReal(a, b)) {
            return floorModulo(Numbers.real(a), Numbers.real(b));
        }
        if (Numbers.isSmall(a) && Numbers.isSmall(b)) {
            return Math.floorMod(Numbers.small(a), Numbers.small(b));
        }
        BigInteger divisor = Numbers.big(b);
        BigInteger remainder = Numbers.big(a).mod(divisor.abs());
        return Numbers.integer(divisor.signum() < 0 && remainder.signum() != 0 ? remainder.add(divisor) : remainder);
    }

    private static double floorModulo(double a, double b) {
        double remainder = a % b;
        if (remainder == 0) {
            return Math.copySign(0.0, b);
        }
        return remainder < 0 != b < 0 ? remainder + b : remainder;
    }

    private static Object power(Render render, Object a, Object b) {
        checkNumbers(a, b, "** or pow()");
        if (!isReal(a, b) && Numbers.big(b).signum() >= 0) {
            BigInteger base = Numbers.big(a);
            int exponent = Numbers.count(b, "exponent");
            boolean trivial = base.abs().bitLength() <= 1;
            if (!trivial && (long) base.bitLength() * exponent > MAX_BITS) {
                throw Failure.limit("an integer of more than " + MAX_BITS + " bits");
            }
            render.spend(trivial ? 1 : (long) base.bitLength() * exponent);
            return Numbers.integer(base.pow(trivial ? Math.min(exponent, 2 + (exponent & 1)) : exponent));
        }
        double base = Numbers.real(a);
        double exponent = Numbers.real(b);
        if (base == 0 && exponent < 0) {
            throw Failure.of("0.0 cannot be raised to a negative power");
        }
        if (base < 0 && exponent != Math.rint(exponent) && !Double.isInfinite(base)) {
            throw Failure.of("a fractional power of a negative number is complex, which templates cannot use");
        }
        double result = base == 1 || (base == -1 && Double.isInfinite(exponent)) ? 1.0 : Math.pow(base, exponent);
        if (Double.isInfinite(result) && !Double.isInfinite(base) && !Double.isInfinite(exponent)) {
            throw Failure.of("(34, 'Numerical result out of range')");
        }
        return result;
    }

    static Object negate(Object value) {
        checkNumber(value, "-");
        if (value instanceof Double number) {
            return -number;
        }
        return Numbers.integer(Numbers.big(value).negate());
    }

    static Object plus(Object value) {
        checkNumber(value, "+");
        return value instanceof Boolean ? (Object) Numbers.small(value) : value;
    }

    private static Object bounded(BigInteger value) {
        if (value.bitLength() > MAX_BITS) {
            throw Failure.limit("an integer of more than " + MAX_BITS + " bits");
        }
        return Numbers.integer(value);
    }

    private static boolean isReal(Object a, Object b) {
        return a instanceof Double || b instanceof Double;
    }

    private static void checkNumbers(Object a, Object b, String operator) {
        if (!Numbers.isNumber(a) || !Numbers.isNumber(b)) {
            throw Failure.of("unsupported operand type(s) for " + operator + ": '" + Types.name(a) + "' and '"
                    + Types.name(b) + "'");
        }
    }

    private static void checkNumber(Object value, String operator) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (!Numbers.isNumber(value)) {
            throw Failure.of("bad operand type for unary " + operator + ": '" + Types.name(value) + "'");
        }
    }

    private static void checkDivisor(Object value, String message) {
        if (value instanceof Double number ? number == 0 : Numbers.big(value).signum() == 0) {
            throw Failure.of(message);
        }
    }
}
