package espalier.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Values of Java as values of templates, and back. */
final class Values {
    private static final int MAX_DEPTH = 200;

    private Values() {}

    static Object of(@Nullable Object value) {
        return of(value, 0);
    }

    private static Object of(@Nullable Object value, int depth) {
        if (depth > MAX_DEPTH) {
            throw Failure.limit("a variable nests deeper than " + MAX_DEPTH + " levels");
        }
        return switch (value) {
            case null -> None.NONE;
            case String text -> text;
            case Boolean truth -> truth;
            case Long number -> number;
            case Integer number -> (long) number;
            case Short number -> (long) number;
            case Byte number -> (long) number;
            case BigInteger number -> Numbers.integer(number);
            case Double number -> number;
            case Float number -> (double) number;
            case CharSequence text -> text.toString();
            case Map<?, ?> map -> {
                Dict dict = new Dict(map.size());
                map.forEach((key, item) -> dict.put(of(key, depth + 1), of(item, depth + 1)));
                yield dict;
            }
            case Iterable<?> items -> {
                List<Object> list = new ArrayList<>();
                items.forEach(item -> list.add(of(item, depth + 1)));
                yield new ListValue(list);
            }
            default ->
                throw Failure.of("a variable is of " + value.getClass().getName()
                        + "; templates take null, booleans, numbers, strings, lists and maps");
        };
    }

    /** A function of Java as a value that templates can call. */
    static Object callable(String name, Template.Function function) {
        return (Callable) (render, arguments) -> {
            Map<String, @Nullable Object> named = new LinkedHashMap<>();
            arguments.named().forEach((key, value) -> named.put(key, plain(render, value)));
            List<@Nullable Object> positional = new ArrayList<>();
            arguments.positional().forEach(value -> positional.add(plain(render, value)));
            return of(function.call(positional, named));
        };
    }

    private static @Nullable Object plain(Render render, Object value) {
        return switch (value) {
            case None none -> null;
            case Undefined undefined -> throw undefined.failure();
            case Markup markup -> markup.text();
            case ListValue list -> plainList(render, list.items());
            case Tuple tuple -> plainList(render, tuple.items());
            case Dict dict -> {
                Map<@Nullable Object, @Nullable Object> map = new LinkedHashMap<>();
                dict.entries().forEach(entry -> map.put(plain(render, entry.key()), plain(render, entry.value())));
                yield map;
            }
            case String text -> text;
            case Boolean truth -> truth;
            case Number number -> number;
            default -> PythonText.str(render, value);
        };
    }

    private static List<@Nullable Object> plainList(Render render, List<Object> items) {
        List<@Nullable Object> list = new ArrayList<>(items.size());
        items.forEach(item -> list.add(plain(render, item)));
        return list;
    }
}
