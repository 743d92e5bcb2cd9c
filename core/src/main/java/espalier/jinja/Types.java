package espalier.jinja;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/** Python's names for the types of values, and questions about them. */
final class Types {
    private Types() {}

    static String name(Object value) {
        return switch (value) {
            case String text -> "str";
            case Markup markup -> "Markup";
            case Boolean truth -> "bool";
            case Long number -> "int";
            case BigInteger number -> "int";
            case Double number -> "float";
            case None none -> "NoneType";
            case ListValue list -> "list";
            case Tuple tuple -> "tuple";
            case Dict dict -> "dict";
            case Dict.View view ->
                switch (view.part()) {
                    case KEYS -> "dict_keys";
                    case VALUES -> "dict_values";
                    case ITEMS -> "dict_items";
                };
            case Range range -> "range";
            case Undefined undefined -> "Undefined";
            case Stream stream -> stream.typeName();
            case Namespace namespace -> "Namespace";
            case Loop loop -> "LoopContext";
            case Macro macro -> "Macro";
            case Callable callable -> "function";
            default -> value.getClass().getSimpleName();
        };
    }

    /** How jinja2 speaks of a value whose attribute is missing. */
    static String describe(Object value) {
        return value instanceof None ? "None" : name(value) + " object";
    }

    /** The characters of a string or of safe markup; null for anything else. */
    static @Nullable String text(Object value) {
        return value instanceof String text ? text : value instanceof Markup markup ? markup.text() : null;
    }

    /** The very same object, as Python's {@code is} asks. */
    @SuppressWarnings("ReferenceEquality") // identity is the question
    static boolean identical(Object a, Object b) {
        return a == b;
    }

    static boolean truth(Object value) {
        return switch (value) {
            case Boolean truth -> truth;
            case String text -> !text.isEmpty();
            case None none -> false;
            case Undefined undefined -> false;
            case Long number -> number != 0;
            case Double number -> number != 0;
            case BigInteger number -> true;
            case ListValue list -> !list.items().isEmpty();
            case Dict dict -> dict.size() > 0;
            case Tuple tuple -> !tuple.items().isEmpty();
            case Markup markup -> !markup.text().isEmpty();
            case Dict.View view -> view.dict().size() > 0;
            case Range range -> range.length() > 0;
            case Loop loop -> loop.length() > 0;
            default -> true;
        };
    }
}
