package espalier.jinja;

import java.util.Map;

/** Methods of dicts, lists, tuples and ranges that change nothing. */
final class CollectionMethods {
    static final Map<String, Method> DICT = Map.of(
            "keys", (render, self, arguments) -> view(self, arguments, Dict.View.Part.KEYS),
            "values", (render, self, arguments) -> view(self, arguments, Dict.View.Part.VALUES),
            "items", (render, self, arguments) -> view(self, arguments, Dict.View.Part.ITEMS),
            "get", (render, self, arguments) -> get((Dict) self, arguments.positional("get", 1, 2)),
            "copy",
                    (render, self, arguments) -> {
                        arguments.positional("copy", 0, 0);
                        return self;
                    },
            "fromkeys", (render, self, arguments) -> Globals.fromKeys(render, arguments));

    static final Map<String, Method> LIST = Map.of(
            "count", CollectionMethods::count,
            "index", CollectionMethods::index,
            "copy",
                    (render, self, arguments) -> {
                        arguments.positional("copy", 0, 0);
                        return self;
                    });

    private CollectionMethods() {}

    private static Object view(Object self, Arguments arguments, Dict.View.Part part) {
        arguments.positional("keys", 0, 0);
        return new Dict.View(part, (Dict) self);
    }

    private static Object get(Dict dict, Arguments.Bound arguments) {
        Object value = dict.get(arguments.at(0));
        return value == null ? arguments.or(1, None.NONE) : value;
    }

    private static Object count(Render render, Object self, Arguments arguments) {
        Object item = arguments.positional("count", 1, 1).at(0);
        long count = 0;
        for (Object candidate : Sequences.list(render, self)) {
            count += Types.identical(candidate, item) || Comparisons.equal(render, candidate, item) ? 1 : 0;
        }
        return count;
    }

    private static Object index(Render render, Object self, Arguments arguments) {
        Arguments.Bound bound = arguments.positional("index", 1, 3);
        var items = Sequences.list(render, self);
        int from = TextMethods.clip(bound.count(1, 0), items.size());
        int to = TextMethods.clip(bound.count(2, Integer.MAX_VALUE), items.size());
        for (int i = from; i < to; i++) {
            if (Types.identical(items.get(i), bound.at(0)) || Comparisons.equal(render, items.get(i), bound.at(0))) {
                return (long) i;
            }
        }
        throw Failure.of(PythonText.repr(render, bound.at(0)) + " is not in list");
    }
}
