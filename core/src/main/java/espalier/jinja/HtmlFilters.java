package espalier.jinja;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Filters for HTML and URLs. */
final class HtmlFilters {
    private HtmlFilters() {}

    static void addTo(Map<String, Filters.Filter> all) {
        all.put(
                "safe",
                (render, value, arguments) ->
                        value instanceof Markup ? value : new Markup(PythonText.str(render, value)));
        all.put("escape", HtmlFilters::escape);
        all.put("e", HtmlFilters::escape);
        all.put("forceescape", (render, value, arguments) -> new Markup(Markup.escape(PythonText.str(render, value))));
        all.put("striptags", HtmlFilters::stripTags);
        all.put("xmlattr", HtmlFilters::attributes);
        all.put("urlencode", HtmlFilters::urlEncode);
    }

    private static Object escape(Render render, Object value, Arguments arguments) {
        arguments.positional("escape", 0, 0);
        return value instanceof Markup ? value : new Markup(Markup.escape(PythonText.str(render, value)));
    }

    private static Object stripTags(Render render, Object value, Arguments arguments) {
        arguments.positional("striptags", 0, 0);
        String text = PythonText.str(render, value);
        StringBuilder out = new StringBuilder();
        int at = 0;
        for (int start = text.indexOf('<'); start >= 0; start = text.indexOf('<', at)) {
            boolean comment = text.startsWith("<!--", start);
            int end = comment ? text.indexOf("-->", start + 4) : text.indexOf('>', start);
            if (end < 0) {
                break;
            }
            out.append(text, at, start);
            at = end + (comment ? 3 : 1);
        }
        out.append(text, at, text.length());
        render.spend(text.length());
        return Entities.unescape(String.join(" ", TextSplitting.words(out.toString(), Integer.MAX_VALUE)));
    }

    private static Object attributes(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("xmlattr", 0, "autospace");
        if (!(value instanceof Dict dict)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("'" + Types.name(value) + "' object has no attribute 'items'");
        }
        Text out = new Text(render);
        for (Dict.Entry entry : dict.entries()) {
            if (entry.value() == None.NONE || entry.value() instanceof Undefined) {
                continue;
            }
            String key = Types.text(entry.key());
            if (key == null || key.chars().anyMatch(c -> " \t\n\u000b\f\r/>=".indexOf(c) >= 0)) {
                throw Failure.of("Invalid character in attribute name: " + PythonText.repr(render, entry.key()));
            }
            boolean spaced = out.length() > 0 || bound.optional(0) == null || bound.truth(0);
            out.append(spaced ? " " : "").append(escaped(render, entry.key())).append("=\"");
            out.append(escaped(render, entry.value())).append("\"");
        }
        return out.toString();
    }

    private static String escaped(Render render, Object value) {
        return value instanceof Markup markup ? markup.text() : Markup.escape(PythonText.str(render, value));
    }

    private static Object urlEncode(Render render, Object value, Arguments arguments) {
        arguments.positional("urlencode", 0, 0);
        if (Types.text(value) != null || Sequences.iteratorOrNull(render, value) == null) {
            return quote(PythonText.str(render, value), "/");
        }
        Object pairs = value instanceof Dict dict ? new Dict.View(Dict.View.Part.ITEMS, dict) : value;
        List<String> parts = new ArrayList<>();
        for (Object pair : Sequences.list(render, pairs)) {
            List<Object> items = Sequences.list(render, pair);
            if (items.size() != 2) {
                throw Failure.of("urlencode takes pairs, not " + items.size() + " items");
            }
            parts.add(queryPart(render, items.get(0)) + "=" + queryPart(render, items.get(1)));
        }
        return String.join("&", parts);
    }

    private static String queryPart(Render render, Object value) {
        return quote(PythonText.str(render, value), "").replace("%20", "+");
    }

    private static String quote(String text, String safe) {
        StringBuilder out = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            boolean plain =
                    c < 0x80 && (Character.isLetterOrDigit(c) || "_.-~".indexOf(c) >= 0 || safe.indexOf(c) >= 0);
            out.append(plain ? String.valueOf(c) : "%%%02X".formatted((int) c));
        }
        return out.toString();
    }
}
