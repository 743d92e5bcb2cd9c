package espalier.jinja;

/** The filter {@code pprint}, for values that fit a line of 80 characters; longer ones it refuses to lay out by guess. */
final class PrettyPrint {
    private PrettyPrint() {}

    static String format(Render render, Object value) {
        String text = PythonText.repr(render, sorted(render, value, 0));
        if (CodePoints.length(text) > 80) {
            throw Failure.of("pprint lays out values of up to 80 characters only; use tojson(indent=2)");
        }
        return text;
    }

    private static Object sorted(Render render, Object value, int depth) {
        render.visit();
        if (!(value instanceof Dict dict) || depth > 100) {
            return value;
        }
        var entries = new java.util.ArrayList<>(dict.entries());
        Sorting.sort(render, entries, Dict.Entry::key, false);
        Dict sorted = new Dict();
        entries.forEach(entry -> sorted.put(entry.key(), sorted(render, entry.value(), depth + 1)));
        return sorted;
    }
}
