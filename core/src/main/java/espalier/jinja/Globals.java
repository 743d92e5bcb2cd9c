package espalier.jinja;

import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The functions that every template sees. */
final class Globals {
    private Globals() {}

    static Map<String, Object> all() {
        Map<String, Object> all = new HashMap<>();
        all.put("range", (Callable) Globals::range);
        all.put("dict", new DictType());
        all.put("namespace", (Callable) (render, arguments) -> new Namespace(dict(render, arguments)));
        all.put("cycler", (Callable) (render, arguments) -> {
            noNames(arguments, "cycler");
            return new Cycler(arguments.positional());
        });
        all.put("joiner", (Callable) Globals::joiner);
        all.put("lipsum", (Callable) (render, arguments) -> {
            throw Failure.of("lipsum() makes its text by chance, which a prompt cannot be made of");
        });
        all.put("raise_exception", (Callable) (render, arguments) -> {
            throw Failure.raised(PythonText.str(
                    render, arguments.bind("raise_exception", 1, "message").at(0)));
        });
        all.put("strftime_now", (Callable) (render, arguments) -> Strftime.format(
                LocalDateTime.now(render.clock),
                arguments.bind("strftime_now", 1, "format").text(0)));
        return all;
    }

    private static void noNames(Arguments arguments, String function) {
        if (!arguments.named().isEmpty()) {
            throw Failure.of(function + "() takes no keyword arguments");
        }
    }

    private static Object range(Render render, Arguments arguments) {
        Arguments.Bound bound = arguments.positional("range", 1, 3);
        if (bound.optional(1) == null) {
            return Range.of(0, integer(bound.at(0)), 1);
        }
        return Range.of(integer(bound.at(0)), integer(bound.at(1)), integer(bound.or(2, 1L)));
    }

    private static long integer(Object value) {
        if (!Numbers.isSmall(value)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("'" + Types.name(value) + "' object cannot be interpreted as an integer");
        }
        return Numbers.small(value);
    }

    private static Object joiner(Render render, Arguments arguments) {
        Object separator = arguments.bind("joiner", 0, "sep").or(0, ", ");
        boolean[] used = new boolean[1];
        return (Callable) (state, none) -> {
            none.positional("joiner", 0, 0);
            Object result = used[0] ? separator : "";
            used[0] = true;
            return result;
        };
    }

    /** The global {@code dict}, which can be called and has one attribute. */
    static final class DictType implements Callable {
        @Override
        public Object call(Render render, Arguments arguments) {
            return dict(render, arguments);
        }

        Callable fromKeys() {
            return Globals::fromKeys;
        }
    }

    /** As {@code dict(...)}: of a mapping, of pairs, of names. */
    static Dict dict(Render render, Arguments arguments) {
        Dict dict = new Dict();
        if (arguments.positional().size() > 1) {
            throw Failure.of("dict expected at most 1 argument, got "
                    + arguments.positional().size());
        }
        if (!arguments.positional().isEmpty()) {
            Object source = arguments.positional().getFirst();
            if (source instanceof Dict other) {
                dict.putAll(other);
            } else {
                addPairs(render, dict, source);
            }
        }
        arguments.named().forEach(dict::put);
        return dict;
    }

    private static void addPairs(Render render, Dict dict, Object source) {
        for (Object pair : Sequences.list(render, source)) {
            List<Object> items = Sequences.list(render, pair);
            if (items.size() != 2) {
                throw Failure.of("dictionary update sequence element has length " + items.size() + "; 2 is required");
            }
            dict.put(items.get(0), items.get(1));
        }
    }

    static Object fromKeys(Render render, Arguments arguments) {
        Arguments.Bound bound = arguments.positional("fromkeys", 1, 2);
        Dict dict = new Dict();
        Sequences.list(render, bound.at(0)).forEach(key -> dict.put(key, bound.or(1, None.NONE)));
        return dict;
    }
}
