package espalier.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** As Python's {@code json.dumps}, whose spaces, escapes and spelling of numbers are what models were trained on. */
final class Json {
    private static final int MAX_DEPTH = 200;

    /**
     * How JSON is laid out.
     *
     * @param indent what a level is indented by; null for everything on one line
     */
    record Layout(boolean ascii, @Nullable String indent, String itemSeparator, String keySeparator, boolean sorted) {}

    private final Render render;
    private final Layout layout;
    private final Text out;

    private Json(Render render, Layout layout) {
        this.render = render;
        this.layout = layout;
        this.out = new Text(render);
    }

    static String dumps(Render render, Object value, Layout layout) {
        Json json = new Json(render, layout);
        json.write(value, 0);
        return json.out.toString();
    }

    private void write(Object value, int depth) {
        render.visit();
        if (depth > MAX_DEPTH) {
            throw Failure.limit("a value nests too deep for JSON");
        }
        switch (value) {
            case String text -> out.append(quoted(text));
            case Markup markup -> out.append(quoted(markup.text()));
            case None none -> out.append("null");
            case Boolean truth -> out.append(truth ? "true" : "false");
            case Long number -> out.append(Long.toString(number));
            case BigInteger number -> out.append(PythonText.digits(number));
            case Double number -> out.append(real(number));
            case ListValue list -> array(list.items(), depth);
            case Tuple tuple -> array(tuple.items(), depth);
            case Dict dict -> object(dict, depth);
            default -> throw Failure.of("Object of type " + Types.name(value) + " is not JSON serializable");
        }
    }

    private static String real(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        return Double.isInfinite(number) ? (number > 0 ? "Infinity" : "-Infinity") : PythonText.real(number);
    }

    private void array(List<Object> items, int depth) {
        if (items.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append("[");
        for (int i = 0; i < items.size(); i++) {
            separate(i, depth + 1);
            write(items.get(i), depth + 1);
        }
        newline(depth);
        out.append("]");
    }

    private void object(Dict dict, int depth) {
        if (dict.size() == 0) {
            out.append("{}");
            return;
        }
        out.append("{");
        Iterator<Dict.Entry> entries = (layout.sorted ? sorted(dict) : dict.entries()).iterator();
        for (int i = 0; entries.hasNext(); i++) {
            Dict.Entry entry = entries.next();
            separate(i, depth + 1);
            out.append(quoted(key(entry.key()))).append(layout.keySeparator);
            write(entry.value(), depth + 1);
        }
        newline(depth);
        out.append("}");
    }

    private List<Dict.Entry> sorted(Dict dict) {
        List<Dict.Entry> entries = new ArrayList<>(dict.entries());
        Sorting.sort(render, entries, Dict.Entry::key, false);
        return entries;
    }

    private static String key(Object key) {
        return switch (key) {
            case String text -> text;
            case Markup markup -> markup.text();
            case Boolean truth -> truth ? "true" : "false";
            case None none -> "null";
            case Long number -> Long.toString(number);
            case BigInteger number -> PythonText.digits(number);
            case Double number -> real(number);
            default -> throw Failure.of("keys must be str, int, float, bool or None, not " + Types.name(key));
        };
    }

    private void separate(int index, int depth) {
        if (index > 0) {
            out.append(layout.itemSeparator);
        }
        newline(depth);
    }

    private void newline(int depth) {
        if (layout.indent != null) {
            out.append("\n");
            for (int i = 0; i < depth; i++) {
                out.append(layout.indent);
            }
        }
    }

    private String quoted(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                case '\b' -> quoted.append("\\b");
                case '\f' -> quoted.append("\\f");
                default -> {
                    if (c < ' ' || (layout.ascii && c > '~')) {
                        quoted.append("\\u%04x".formatted((int) c));
                    } else {
                        quoted.append(c);
                    }
                }
            }
        }
        return quoted.append('"').toString();
    }
}
