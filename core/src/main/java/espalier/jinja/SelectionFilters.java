package espalier.jinja;

import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/** Filters that pick or change the items of a sequence one by one, as they are asked for. */
final class SelectionFilters {
    private SelectionFilters() {}

    static void addTo(Map<String, Filters.Filter> all) {
        all.put("select", (render, value, arguments) -> select(render, value, arguments, false, true));
        all.put("reject", (render, value, arguments) -> select(render, value, arguments, false, false));
        all.put("selectattr", (render, value, arguments) -> select(render, value, arguments, true, true));
        all.put("rejectattr", (render, value, arguments) -> select(render, value, arguments, true, false));
        all.put("map", SelectionFilters::map);
        all.put("unique", SelectionFilters::unique);
    }

    private static Object select(
            Render render, Object value, Arguments arguments, boolean byAttribute, boolean wanted) {
        return Stream.generator(new SequenceFilters.Deferred(() -> {
            if (!Types.truth(value)) {
                return java.util.Collections.emptyIterator();
            }
            Predicate<Object> test = test(render, arguments, byAttribute);
            return new LoopCompiler.Passing(counted(render, value), item -> test.test(item) == wanted);
        }));
    }

    private static Iterator<Object> counted(Render render, Object value) {
        Iterator<Object> items = Sequences.iterator(render, value);
        return new Mapped(items, item -> {
            render.visit();
            return item;
        });
    }

    /** Items with a function applied to each. */
    private record Mapped(Iterator<Object> items, Function<Object, Object> change) implements Iterator<Object> {
        @Override
        public boolean hasNext() {
            return items.hasNext();
        }

        @Override
        public Object next() {
            return change.apply(items.next());
        }
    }

    private static Predicate<Object> test(Render render, Arguments arguments, boolean byAttribute) {
        List<Object> positional = arguments.positional();
        if (byAttribute && positional.isEmpty()) {
            throw Failure.of("Missing parameter for attribute name");
        }
        int skipped = byAttribute ? 1 : 0;
        AttributePath path = AttributePath.of(render, byAttribute ? positional.getFirst() : None.NONE);
        if (positional.size() <= skipped) {
            return item -> Types.truth(path.of(item));
        }
        Object name = positional.get(skipped);
        Tests.Test test = Tests.all().get(text(name));
        if (test == null) {
            throw Failure.of("No test named " + PythonText.repr(render, name) + ".");
        }
        Arguments rest = arguments.rest(skipped + 1);
        return item -> test.holds(render, path.of(item), rest);
    }

    private static String text(Object name) {
        String text = Types.text(name);
        return text == null ? "" : text;
    }

    private static Object map(Render render, Object value, Arguments arguments) {
        return Stream.generator(new SequenceFilters.Deferred(() -> Types.truth(value)
                ? new Mapped(counted(render, value), change(render, arguments))
                : java.util.Collections.emptyIterator()));
    }

    private static Function<Object, Object> change(Render render, Arguments arguments) {
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            Map<String, Object> named = new LinkedHashMap<>(arguments.named());
            Object attribute = named.remove("attribute");
            Object defaultValue = named.remove("default");
            if (!named.isEmpty() || attribute == null) {
                throw Failure.of("Unexpected keyword argument " + named.keySet());
            }
            return AttributePath.of(render, attribute, defaultValue)::of;
        }
        if (arguments.positional().isEmpty()) {
            throw Failure.of("map requires a filter argument");
        }
        Object name = arguments.positional().getFirst();
        Filters.Filter filter = Filters.all().get(text(name));
        if (filter == null) {
            throw Failure.of("No filter named " + PythonText.repr(render, name) + ".");
        }
        Arguments rest = arguments.rest(1);
        return item -> filter.apply(render, item, rest);
    }

    private static Object unique(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("unique", 0, "case_sensitive", "attribute");
        return Stream.generator(new SequenceFilters.Deferred(() -> {
            AttributePath path = AttributePath.of(render, bound.or(1, None.NONE));
            Set<Object> seen = new HashSet<>();
            return new LoopCompiler.Passing(counted(render, value), item -> {
                Object key = bound.truth(0) ? path.of(item) : AttributePath.ignoreCase(path.of(item));
                return seen.add(Dict.Keys.of(key));
            });
        }));
    }
}
