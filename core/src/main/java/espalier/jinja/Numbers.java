package espalier.jinja;

import java.math.BigInteger;

/** Integers without bounds (a long where it fits, else a BigInteger), booleans as 0 and 1, and doubles. */
final class Numbers {
    /** What Python refuses to convert between text and integer beyond. */
    static final int MAX_DIGITS = 4300;

    private static final BigInteger LOWEST = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger HIGHEST = BigInteger.valueOf(Long.MAX_VALUE);

    private Numbers() {}

    static Object integer(BigInteger value) {
        return value.compareTo(LOWEST) >= 0 && value.compareTo(HIGHEST) <= 0 ? (Object) value.longValue() : value;
    }

    static Object literal(Token token) {
        String text = token.text();
        if (token.is(Token.Kind.FLOAT)) {
            return Double.valueOf(text);
        }
        if (text.length() > MAX_DIGITS) {
            throw new TemplateException(
                    TemplateException.Kind.SYNTAX, token.line(), "an integer of more than 4300 digits");
        }
        if (text.length() > 2 && text.charAt(0) == '0' && Character.isLetter(text.charAt(1))) {
            int radix = switch (Character.toLowerCase(text.charAt(1))) {
                case 'b' -> 2;
                case 'o' -> 8;
                default -> 16;
            };
            return integer(new BigInteger(text.substring(2), radix));
        }
        return integer(new BigInteger(text));
    }

    static boolean isInteger(Object value) {
        return value instanceof Long || value instanceof Boolean || value instanceof BigInteger;
    }

    static boolean isNumber(Object value) {
        return value instanceof Double || isInteger(value);
    }

    /** True for what arithmetic on longs can take. */
    static boolean isSmall(Object value) {
        return value instanceof Long || value instanceof Boolean;
    }

    static long small(Object value) {
        return value instanceof Boolean truth ? (truth ? 1 : 0) : (Long) value;
    }

    static BigInteger big(Object value) {
        return value instanceof BigInteger big ? big : BigInteger.valueOf(small(value));
    }

    static double real(Object value) {
        if (value instanceof Double number) {
            return number;
        }
        double result = value instanceof BigInteger big ? big.doubleValue() : small(value);
        if (Double.isInfinite(result)) {
            throw Failure.of("int too large to convert to float");
        }
        return result;
    }

    /** An argument that must be an integer of a size that counts something; larger ones are cut to the range of an int. */
    static int count(Object value, String what) {
        if (value instanceof BigInteger big) {
            return big.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
        }
        if (!isSmall(value)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of(what + " must be an integer, not '" + Types.name(value) + "'");
        }
        return Math.clamp(small(value), Integer.MIN_VALUE, Integer.MAX_VALUE);
    }
}
