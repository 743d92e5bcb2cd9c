package espalier.jinja;

import java.util.HashMap;
import java.util.Map;

/** The built-in filters of jinja2, with {@code tojson} as Hugging Face has it. */
final class Filters {
    /** A filter of a value. */
    interface Filter {
        Object apply(Render render, Object value, Arguments arguments);
    }

    private static final Map<String, Filter> ALL = build();

    private Filters() {}

    static Map<String, Filter> all() {
        return ALL;
    }

    private static Map<String, Filter> build() {
        Map<String, Filter> all = new HashMap<>();
        TextFilters.addTo(all);
        HtmlFilters.addTo(all);
        SequenceFilters.addTo(all);
        SelectionFilters.addTo(all);
        NumberFilters.addTo(all);
        all.put("default", Filters::defaultValue);
        all.put("d", Filters::defaultValue);
        all.put("tojson", Filters::json);
        all.put(
                "attr",
                (render, value, arguments) -> Attributes.attributeOnly(
                        value, arguments.bind("attr", 1, "name").text(0)));
        return Map.copyOf(all);
    }

    private static Object defaultValue(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("default", 0, "default_value", "boolean");
        boolean missing = value instanceof Undefined || (bound.truth(1) && !Types.truth(value));
        return missing ? bound.or(0, "") : value;
    }

    private static Object json(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        Object indent = bound.unlessNone(1);
        String indentation = null;
        if (indent != null) {
            String text = Types.text(indent);
            indentation = text != null ? text : blanks(render, Numbers.count(indent, "indent"));
        }
        String itemSeparator = indentation == null ? ", " : ",";
        String keySeparator = ": ";
        Object separators = bound.unlessNone(2);
        if (separators != null) {
            var pair = Sequences.list(render, separators);
            if (pair.size() != 2 || Types.text(pair.get(0)) == null || Types.text(pair.get(1)) == null) {
                throw Failure.of("separators must be a pair of strings");
            }
            itemSeparator = TextMethods.text(pair.get(0));
            keySeparator = TextMethods.text(pair.get(1));
        }
        return Json.dumps(
                render,
                value,
                new Json.Layout(bound.truth(0), indentation, itemSeparator, keySeparator, bound.truth(3)));
    }

    /** So many blanks; none for a negative number. */
    static String blanks(Render render, int count) {
        render.reserve(Math.max(0, count));
        return " ".repeat(Math.max(0, count));
    }
}
