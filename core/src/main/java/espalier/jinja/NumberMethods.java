package espalier.jinja;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Attributes and methods of numbers. */
final class NumberMethods {
    private static final Map<String, Method> REAL = Map.of(
            "is_integer",
            (render, self, arguments) -> {
                arguments.positional("is_integer", 0, 0);
                double number = (Double) self;
                return number == Math.rint(number) && !Double.isInfinite(number);
            },
            "conjugate",
            (render, self, arguments) -> self);

    private static final Map<String, Method> INTEGER = Map.of(
            "bit_length",
            (render, self, arguments) -> (long) Numbers.big(self).abs().bitLength(),
            "bit_count",
            (render, self, arguments) -> (long) Numbers.big(self).abs().bitCount(),
            "conjugate",
            (render, self, arguments) -> Arithmetic.plus(self));

    private NumberMethods() {}

    static @Nullable Object real(Double self, String name) {
        Method method = REAL.get(name);
        return switch (name) {
            case "real" -> self;
            case "imag" -> 0.0;
            default -> method == null ? null : new Method.Bound(name, self, method);
        };
    }

    static @Nullable Object integer(Object self, String name) {
        Method method = INTEGER.get(name);
        return switch (name) {
            case "real", "numerator" -> Arithmetic.plus(self);
            case "imag" -> 0L;
            case "denominator" -> 1L;
            default -> method == null ? null : new Method.Bound(name, self, method);
        };
    }
}
