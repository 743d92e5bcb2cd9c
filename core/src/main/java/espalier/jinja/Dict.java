package espalier.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A Python dict: keeps the order of insertion, and holds 1, 1.0 and true to be one key. */
final class Dict {
    /** A key as it was given first, and its latest value. */
    record Entry(Object key, Object value) {
        Tuple tuple() {
            return Tuple.of(key, value);
        }
    }

    private final Map<Object, Entry> entries;

    Dict() {
        this.entries = new LinkedHashMap<>();
    }

    Dict(int expected) {
        this.entries = LinkedHashMap.newLinkedHashMap(expected);
    }

    /** Only while the dict is built; afterwards it does not change. */
    Dict put(Object key, Object value) {
        Object hashed = Keys.of(key);
        Entry old = entries.get(hashed);
        entries.put(hashed, new Entry(old == null ? key : old.key, value));
        return this;
    }

    Dict putAll(Dict other) {
        other.entries().forEach(entry -> put(entry.key(), entry.value()));
        return this;
    }

    /** Throws a {@link Failure} for a key that cannot be hashed. */
    @Nullable
    Object get(Object key) {
        Entry entry = entries.get(Keys.of(key));
        return entry == null ? null : entry.value;
    }

    boolean contains(Object key) {
        return entries.containsKey(Keys.of(key));
    }

    int size() {
        return entries.size();
    }

    Collection<Entry> entries() {
        return entries.values();
    }

    List<Object> keys() {
        List<Object> keys = new ArrayList<>(size());
        entries().forEach(entry -> keys.add(entry.key));
        return keys;
    }

    List<Object> values() {
        List<Object> values = new ArrayList<>(size());
        entries().forEach(entry -> values.add(entry.value));
        return values;
    }

    /** A view of a dict: what {@code keys()}, {@code values()} and {@code items()} give. */
    record View(Part part, Dict dict) {
        enum Part {
            KEYS,
            VALUES,
            ITEMS
        }

        List<Object> list() {
            return switch (part) {
                case KEYS -> dict.keys();
                case VALUES -> dict.values();
                case ITEMS -> {
                    List<Object> items = new ArrayList<>(dict.size());
                    dict.entries().forEach(entry -> items.add(entry.tuple()));
                    yield items;
                }
            };
        }
    }

    /** What keys hash as. */
    static final class Keys {
        private static final int MAX_DEPTH = 50;
        static final int MAX_ITEMS = 1000;

        private Keys() {}

        static Object of(Object key) {
            return of(key, new int[1], 0);
        }

        private static Object of(Object key, int[] visited, int depth) {
            if (depth > MAX_DEPTH || ++visited[0] > MAX_ITEMS) {
                throw Failure.limit("a tuple is too large or too deep for a key");
            }
            return switch (key) {
                case String text -> text;
                case Markup markup -> markup.text();
                case Boolean truth -> truth ? 1L : 0L;
                case Double number
                when number == Math.rint(number) && !Double.isInfinite(number) ->
                    Numbers.integer(new java.math.BigDecimal(number).toBigInteger());
                case Double number -> number;
                case Long number -> number;
                case BigInteger number -> number;
                case None none -> none;
                case Undefined undefined -> Undefined.class;
                case Tuple tuple -> hashed(tuple, visited, depth);
                case ListValue list -> throw unhashable(key);
                case Dict dict -> throw unhashable(key);
                case View view -> throw unhashable(key);
                default -> key;
            };
        }

        private static Hashed hashed(Tuple tuple, int[] visited, int depth) {
            List<Object> items = new ArrayList<>(tuple.items().size());
            for (Object item : tuple.items()) {
                items.add(of(item, visited, depth + 1));
            }
            return new Hashed(items);
        }

        private static Failure unhashable(Object key) {
            return Failure.of("unhashable type: '" + Types.name(key) + "'");
        }

        private record Hashed(List<Object> items) {}
    }

    Iterator<Object> iterator() {
        return keys().iterator();
    }
}
