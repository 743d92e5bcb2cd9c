package espalier.jinja;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code value.name} and {@code value[key]} under the rules of jinja2's immutable sandbox: the dot prefers attributes (methods of
 * the type) to items, the brackets prefer items; what would change a value, and what begins with an underscore, is refused.
 */
final class Attributes {
    private static final Set<String> DICT_CHANGES = Set.of("clear", "pop", "popitem", "setdefault", "update");
    private static final Set<String> LIST_CHANGES =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
    private static final Set<String> PRIVATE = Set.of(
            "__class__",
            "__doc__",
            "__init__",
            "__dict__",
            "__module__",
            "__eq__",
            "__ne__",
            "__lt__",
            "__le__",
            "__gt__",
            "__ge__",
            "__hash__",
            "__str__",
            "__repr__",
            "__len__",
            "__iter__",
            "__getitem__",
            "__contains__",
            "__add__",
            "__mul__",
            "__call__",
            "__getattribute__",
            "__new__",
            "__reduce__",
            "__sizeof__",
            "__format__",
            "__dir__",
            "__subclasshook__");

    private Attributes() {}

    /** {@code value.name}. */
    static Object attribute(Render render, Object value, String name) {
        Object attribute = attributeOrNull(value, name);
        if (attribute != null) {
            return attribute;
        }
        Object item = itemOrNull(render, value, name);
        return item != null ? item : Undefined.attribute(value, name);
    }

    /** {@code value[key]}. */
    static Object item(Render render, Object value, Object key) {
        Object item = itemOrNull(render, value, key);
        if (item != null) {
            return item;
        }
        String name = Types.text(key);
        Object attribute = name == null ? null : attributeOrNull(value, name);
        if (attribute != null) {
            return attribute;
        }
        return name != null
                ? Undefined.attribute(value, name)
                : new Undefined(Types.describe(value) + " has no element " + PythonText.repr(render, key));
    }

    /** {@code value|attr(name)}: no items. */
    static Object attributeOnly(Object value, String name) {
        Object attribute = attributeOrNull(value, name);
        return attribute == null ? Undefined.attribute(value, name) : attribute;
    }

    private static @Nullable Object itemOrNull(Render render, Object value, Object key) {
        return switch (value) {
            case Dict dict -> hashable(key, new int[1]) ? dict.get(key) : null;
            case Undefined undefined -> throw undefined.failure();
            case Blocks.Reference self -> self.block(key);
            default -> Sequences.at(render, value, key);
        };
    }

    private static boolean hashable(Object key, int[] visited) {
        if (++visited[0] > Dict.Keys.MAX_ITEMS) {
            throw Failure.limit("a tuple is too large for a key");
        }
        return switch (key) {
            case ListValue list -> false;
            case Dict dict -> false;
            case Tuple tuple -> {
                boolean all = true;
                for (Object item : tuple.items()) {
                    all &= hashable(item, visited);
                }
                yield all;
            }
            default -> true;
        };
    }

    private static @Nullable Object attributeOrNull(Object value, String name) {
        if (name.startsWith("_") && PRIVATE.contains(name) && !(value instanceof Namespace)) {
            return Undefined.unsafe(value, name);
        }
        return switch (value) {
            case String text -> bound(TextMethods.all().get(name), value, name);
            case Markup markup -> bound(TextMethods.all().get(name), value, name);
            case Dict dict ->
                DICT_CHANGES.contains(name)
                        ? Undefined.unsafe(value, name)
                        : bound(CollectionMethods.DICT.get(name), value, name);
            case ListValue list ->
                LIST_CHANGES.contains(name)
                        ? Undefined.unsafe(value, name)
                        : bound(CollectionMethods.LIST.get(name), value, name);
            case Tuple tuple -> tupleAttribute(tuple, name);
            case Undefined undefined -> throw undefined.failure();
            case Namespace namespace -> namespace.get(name);
            case Loop loop -> loop.attribute(name);
            case Macro macro -> macro.attribute(name);
            case Cycler cycler -> cycler.attribute(name);
            case Globals.DictType type -> name.equals("fromkeys") ? type.fromKeys() : null;
            case Range range -> rangeAttribute(range, name);
            case Double number -> NumberMethods.real(number, name);
            default -> Numbers.isInteger(value) ? NumberMethods.integer(value, name) : null;
        };
    }

    private static @Nullable Object bound(@Nullable Method method, Object self, String name) {
        return method == null ? null : new Method.Bound(name, self, method);
    }

    private static @Nullable Object tupleAttribute(Tuple tuple, String name) {
        int index = tuple.names().indexOf(name);
        return index >= 0 ? tuple.items().get(index) : bound(CollectionMethods.LIST.get(onTuple(name)), tuple, name);
    }

    private static String onTuple(String name) {
        return name.equals("copy") ? "" : name;
    }

    private static @Nullable Object rangeAttribute(Range range, String name) {
        return switch (name) {
            case "start" -> range.start();
            case "stop" -> range.stop();
            case "step" -> range.step();
            default -> bound(CollectionMethods.LIST.get(onTuple(name)), range, name);
        };
    }
}
