package espalier.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Filters of sequences and mappings as a whole. */
final class SequenceFilters {
    private SequenceFilters() {}

    static void addTo(Map<String, Filters.Filter> all) {
        all.put("length", (render, value, arguments) -> length(value, arguments));
        all.put("count", (render, value, arguments) -> length(value, arguments));
        all.put("first", SequenceFilters::first);
        all.put("last", SequenceFilters::last);
        all.put("random", SequenceFilters::random);
        all.put("list", (render, value, arguments) -> new ListValue(Sequences.list(render, value)));
        all.put("items", SequenceFilters::items);
        all.put("dictsort", SequenceFilters::dictSort);
        all.put("sort", SequenceFilters::sort);
        all.put("min", (render, value, arguments) -> extreme(render, value, arguments, -1));
        all.put("max", (render, value, arguments) -> extreme(render, value, arguments, 1));
        all.put("sum", SequenceFilters::sum);
        all.put("reverse", SequenceFilters::reverse);
        all.put("batch", SequenceFilters::batch);
        all.put("slice", SequenceFilters::slice);
        all.put("groupby", SequenceFilters::groupBy);
    }

    private static Object length(Object value, Arguments arguments) {
        arguments.positional("length", 0, 0);
        return (long) Sequences.length(value);
    }

    private static Object first(Render render, Object value, Arguments arguments) {
        arguments.positional("first", 0, 0);
        Iterator<Object> items = Sequences.iterator(render, value);
        return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
    }

    private static Object last(Render render, Object value, Arguments arguments) {
        arguments.positional("last", 0, 0);
        checkReversible(value);
        List<Object> items = Sequences.list(render, value);
        return items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.getLast();
    }

    private static void checkReversible(Object value) {
        boolean reversible = Sequences.isSequence(value) || value instanceof Dict.View || value instanceof Undefined;
        if (!reversible) {
            throw Failure.of("'" + Types.name(value) + "' object is not reversible");
        }
    }

    private static Object random(Render render, Object value, Arguments arguments) {
        arguments.positional("random", 0, 0);
        int length = Sequences.length(value);
        if (length == 0) {
            return new Undefined("No random item, sequence was empty.");
        }
        Object item =
                Sequences.at(render, value, (long) ThreadLocalRandom.current().nextInt(length));
        if (item == null) {
            throw Failure.of("'" + Types.name(value) + "' object is not subscriptable");
        }
        return item;
    }

    private static Object items(Render render, Object value, Arguments arguments) {
        arguments.positional("items", 0, 0);
        if (value instanceof Undefined) {
            return Stream.generator(Collections.emptyIterator());
        }
        return Stream.generator(new Deferred(() -> {
            if (value instanceof Dict dict) {
                return new Dict.View(Dict.View.Part.ITEMS, dict).list().iterator();
            }
            throw Failure.of("Can only get item pairs from a mapping.");
        }));
    }

    /** Items that are made when the first is asked for, as a generator makes them: so its errors come then, or never. */
    static final class Deferred implements Iterator<Object> {
        private final java.util.function.Supplier<Iterator<Object>> source;
        private @Nullable Iterator<Object> items;

        Deferred(java.util.function.Supplier<Iterator<Object>> source) {
            this.source = source;
        }

        private Iterator<Object> items() {
            Iterator<Object> known = items;
            if (known == null) {
                known = source.get();
                items = known;
            }
            return known;
        }

        @Override
        public boolean hasNext() {
            return items().hasNext();
        }

        @Override
        public Object next() {
            return items().next();
        }
    }

    private static Object dictSort(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
        String by = Types.text(bound.or(1, "key"));
        if (by == null || !(by.equals("key") || by.equals("value"))) {
            throw Failure.of("You can only sort by either \"key\" or \"value\"");
        }
        if (!(value instanceof Dict dict)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("'" + Types.name(value) + "' object has no attribute 'items'");
        }
        List<Dict.Entry> entries = new ArrayList<>(dict.entries());
        boolean caseSensitive = bound.truth(0);
        Sorting.sort(
                render,
                entries,
                entry -> {
                    Object key = by.equals("key") ? entry.key() : entry.value();
                    return caseSensitive ? key : AttributePath.ignoreCase(key);
                },
                bound.truth(2));
        List<Object> pairs = new ArrayList<>();
        entries.forEach(entry -> pairs.add(entry.tuple()));
        return new ListValue(pairs);
    }

    private static Object sort(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
        Function<Object, Object> key = AttributePath.several(render, bound.or(2, None.NONE), bound.truth(1));
        List<Object> items = Sequences.list(render, value);
        Sorting.sort(render, items, key, bound.truth(0));
        return new ListValue(items);
    }

    private static Object extreme(Render render, Object value, Arguments arguments, int sign) {
        Arguments.Bound bound = arguments.bind("min", 0, "case_sensitive", "attribute");
        Iterator<Object> items = Sequences.iterator(render, value);
        if (!items.hasNext()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        AttributePath path = AttributePath.of(render, bound.or(1, None.NONE));
        Object best = items.next();
        Object bestKey = bound.truth(0) ? path.of(best) : AttributePath.ignoreCase(path.of(best));
        while (items.hasNext()) {
            render.visit();
            Object item = items.next();
            Object key = bound.truth(0) ? path.of(item) : AttributePath.ignoreCase(path.of(item));
            int order = Comparisons.order(render, key, bestKey, sign < 0 ? "<" : ">");
            if (order != Comparisons.UNORDERED && Integer.signum(order) == sign) {
                best = item;
                bestKey = key;
            }
        }
        return best;
    }

    private static Object sum(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("sum", 0, "attribute", "start");
        AttributePath path = AttributePath.of(render, bound.or(0, None.NONE));
        Object sum = bound.or(1, 0L);
        if (Types.text(sum) != null) {
            throw Failure.of("sum() can't sum strings [use ''.join(seq) instead]");
        }
        for (Iterator<Object> items = Sequences.iterator(render, value); items.hasNext(); ) {
            render.visit();
            sum = Arithmetic.apply(render, Expression.Binary.Operator.ADD, sum, path.of(items.next()));
        }
        return sum;
    }

    private static Object reverse(Render render, Object value, Arguments arguments) {
        arguments.positional("reverse", 0, 0);
        if (Types.text(value) != null) {
            return Sequences.slice(render, value, None.NONE, None.NONE, -1L);
        }
        if (value instanceof Undefined) {
            return new Stream("reversed", Collections.emptyIterator());
        }
        if (Sequences.iteratorOrNull(render, value) == null) {
            throw Failure.of("argument must be iterable");
        }
        List<Object> items = Sequences.list(render, value);
        Collections.reverse(items);
        return switch (value) {
            case ListValue list -> new Stream("list_reverseiterator", items.iterator());
            case Tuple tuple -> new Stream("reversed", items.iterator());
            case Range range -> new Stream("range_iterator", items.iterator());
            case Dict dict -> new Stream("dict_reversekeyiterator", items.iterator());
            case Dict.View view -> new Stream("dict_reverseitemiterator", items.iterator());
            default -> new ListValue(items);
        };
    }

    private static Object batch(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("batch", 1, "linecount", "fill_with");
        Object fill = bound.unlessNone(1);
        return Stream.generator(new Deferred(() -> {
            int size = bound.count(0, 0);
            List<Object> batches = new ArrayList<>();
            List<Object> batch = new ArrayList<>();
            for (Object item : Sequences.list(render, value)) {
                if (batch.size() == size) {
                    batches.add(new ListValue(batch));
                    batch = new ArrayList<>();
                }
                batch.add(item);
            }
            if (!batch.isEmpty()) {
                render.reserve(fill == null ? 0 : Math.max(0, size - batch.size()));
                while (fill != null && batch.size() < size) {
                    batch.add(fill);
                }
                batches.add(new ListValue(batch));
            }
            return batches.iterator();
        }));
    }

    private static Object slice(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("slice", 1, "slices", "fill_with");
        Object fill = bound.unlessNone(1);
        return Stream.generator(new Deferred(() -> {
            List<Object> items = Sequences.list(render, value);
            int count = bound.count(0, 0);
            if (count == 0) {
                throw Failure.of("integer division or modulo by zero");
            }
            render.reserve(Math.max(0, count));
            List<Object> slices = new ArrayList<>();
            int at = 0;
            for (int i = 0; i < count; i++) {
                boolean extra = i < items.size() % count;
                int end = at + items.size() / count + (extra ? 1 : 0);
                List<Object> slice = new ArrayList<>(items.subList(at, end));
                if (fill != null && !extra) {
                    slice.add(fill);
                }
                slices.add(new ListValue(slice));
                at = end;
            }
            return slices.iterator();
        }));
    }

    private static Object groupBy(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("groupby", 1, "attribute", "default", "case_sensitive");
        AttributePath path = AttributePath.of(render, bound.at(0), bound.optional(1));
        boolean caseSensitive = bound.truth(2);
        Function<Object, Object> key = item -> caseSensitive ? path.of(item) : AttributePath.ignoreCase(path.of(item));
        List<Object> items = Sequences.list(render, value);
        Sorting.sort(render, items, key, false);
        List<Object> groups = new ArrayList<>();
        int start = 0;
        while (start < items.size()) {
            Object first = key.apply(items.get(start));
            int end = start + 1;
            while (end < items.size() && Comparisons.equal(render, key.apply(items.get(end)), first)) {
                end++;
            }
            List<Object> group = new ArrayList<>(items.subList(start, end));
            groups.add(new Tuple(List.of(path.of(group.getFirst()), new ListValue(group)), List.of("grouper", "list")));
            start = end;
        }
        return new ListValue(groups);
    }
}
