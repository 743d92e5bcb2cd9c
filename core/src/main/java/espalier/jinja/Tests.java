package espalier.jinja;

import espalier.jinja.Expression.Comparison;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/** The built-in tests of jinja2. */
final class Tests {
    /** A test of a value. */
    interface Test {
        boolean holds(Render render, Object value, Arguments arguments);
    }

    private static final Map<String, Test> ALL = build();

    private Tests() {}

    static Map<String, Test> all() {
        return ALL;
    }

    private static Map<String, Test> build() {
        Map<String, Test> all = new HashMap<>();
        plain(all, "defined", value -> !(value instanceof Undefined));
        plain(all, "undefined", Undefined.class::isInstance);
        plain(all, "none", value -> value == None.NONE);
        plain(all, "boolean", Boolean.class::isInstance);
        plain(all, "true", Boolean.TRUE::equals);
        plain(all, "false", Boolean.FALSE::equals);
        plain(all, "integer", value -> Numbers.isInteger(value) && !(value instanceof Boolean));
        plain(all, "float", Double.class::isInstance);
        plain(all, "number", Numbers::isNumber);
        plain(all, "string", value -> Types.text(value) != null);
        plain(all, "mapping", Dict.class::isInstance);
        plain(all, "sequence", value -> Sequences.isSequence(value) || value instanceof Undefined);
        plain(all, "callable", value -> value instanceof Callable || value instanceof Undefined);
        plain(all, "escaped", Markup.class::isInstance);
        withArguments(all);
        comparisons(all);
        return Map.copyOf(all);
    }

    private static void withArguments(Map<String, Test> all) {
        all.put("iterable", (render, value, arguments) -> {
            arguments.positional("iterable", 0, 0);
            return Sequences.iteratorOrNull(render, value) != null || value instanceof Loop;
        });
        all.put("lower", (render, value, arguments) -> Casing.isLower(PythonText.str(render, value)));
        all.put("upper", (render, value, arguments) -> Casing.isUpper(PythonText.str(render, value)));
        all.put("odd", (render, value, arguments) -> isRemainder(render, value, 2L, 1L));
        all.put("even", (render, value, arguments) -> isRemainder(render, value, 2L, 0L));
        all.put(
                "divisibleby",
                (render, value, arguments) -> isRemainder(
                        render, value, arguments.bind("divisibleby", 1, "num").at(0), 0L));
        all.put(
                "sameas",
                (render, value, arguments) ->
                        same(value, arguments.bind("sameas", 1, "other").at(0)));
        all.put(
                "in",
                (render, value, arguments) -> Comparisons.contains(
                        render, arguments.bind("in", 1, "seq").at(0), value));
        all.put(
                "filter",
                (render, value, arguments) ->
                        value instanceof String name && Filters.all().containsKey(name));
        all.put(
                "test",
                (render, value, arguments) ->
                        value instanceof String name && Tests.all().containsKey(name));
    }

    private static void plain(Map<String, Test> all, String name, Predicate<Object> test) {
        all.put(name, (render, value, arguments) -> {
            arguments.positional(name, 0, 0);
            return test.test(value);
        });
    }

    private static void comparisons(Map<String, Test> all) {
        compare(all, Comparison.EQUAL, "==", "eq", "equalto");
        compare(all, Comparison.NOT_EQUAL, "!=", "ne");
        compare(all, Comparison.GREATER, ">", "gt", "greaterthan");
        compare(all, Comparison.GREATER_OR_EQUAL, ">=", "ge");
        compare(all, Comparison.LESS, "<", "lt", "lessthan");
        compare(all, Comparison.LESS_OR_EQUAL, "<=", "le");
    }

    private static void compare(Map<String, Test> all, Comparison comparison, String... names) {
        for (String name : names) {
            all.put(
                    name,
                    (render, value, arguments) -> compare(
                            render,
                            comparison,
                            value,
                            arguments.positional(name, 1, 1).at(0)));
        }
    }

    /** One comparison of a chain. */
    static boolean compare(Render render, Comparison comparison, Object a, Object b) {
        return switch (comparison) {
            case EQUAL -> Comparisons.equal(render, a, b);
            case NOT_EQUAL -> !Comparisons.equal(render, a, b);
            case LESS -> ordered(Comparisons.order(render, a, b, "<"), -1, -1);
            case LESS_OR_EQUAL -> ordered(Comparisons.order(render, a, b, "<="), -1, 0);
            case GREATER -> ordered(Comparisons.order(render, a, b, ">"), 1, 1);
            case GREATER_OR_EQUAL -> ordered(Comparisons.order(render, a, b, ">="), 0, 1);
            case IN -> Comparisons.contains(render, b, a);
            case NOT_IN -> !Comparisons.contains(render, b, a);
        };
    }

    private static boolean ordered(int order, int least, int most) {
        return order != Comparisons.UNORDERED && Integer.signum(order) >= least && Integer.signum(order) <= most;
    }

    private static boolean isRemainder(Render render, Object value, Object divisor, Object remainder) {
        Object actual = Arithmetic.apply(render, Expression.Binary.Operator.MODULO, value, divisor);
        return Comparisons.equal(render, actual, remainder);
    }

    private static boolean same(Object a, Object b) {
        boolean byValue = a instanceof Long || a instanceof Boolean;
        return Types.identical(a, b) || (byValue && a.equals(b));
    }
}
