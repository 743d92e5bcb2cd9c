package espalier.http;

import espalier.api.RequestRejected;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * A JSON object whose fields are read by name and type. A field that is absent or null reads as null; one of another
 * type is refused with its path, such as {@code messages[2].content}.
 */
public final class JsonObject {
    private static final Pattern NOTES =
            Pattern.compile(" \\([^()]*\\[Source: .*\\]\\)|, from `[^`]*`|: enable `[^`]*` to allow");

    private final Map<?, ?> fields;
    private final String path;

    private JsonObject(Map<?, ?> fields, String path) {
        this.fields = fields;
        this.path = path;
    }

    /** Parses a body, which has to be UTF-8 and one JSON object. */
    public static JsonObject parse(byte[] body) {
        if (body.length == 0) {
            throw malformed("The request body is empty; a JSON object is expected");
        }
        Object value;
        try {
            value = Json.read(body);
        } catch (JacksonException e) {
            var at = e.getLocation();
            String where = at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
            throw malformed("The request body is not valid JSON: " + plain(e.getOriginalMessage()) + where);
        }
        if (value instanceof Map<?, ?> map) {
            return new JsonObject(map, "");
        }
        throw malformed("The request body must be a JSON object, got " + kind(value));
    }

    /** The parser's words without its notes on itself: where a bracket opened in which Java object, and its settings. */
    private static String plain(String message) {
        return NOTES.matcher(message).replaceAll("");
    }

    /** Reads {@code value}, found at {@code path}, as an object. */
    public static JsonObject of(@Nullable Object value, String path) {
        if (value instanceof Map<?, ?> map) {
            return new JsonObject(map, path);
        }
        throw wrong(path, "an object", value);
    }

    public Set<?> names() {
        return fields.keySet();
    }

    public @Nullable Object raw(String name) {
        return fields.get(name);
    }

    /** Where a field stands, as messages name it. */
    public String pathOf(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    public @Nullable String string(String name) {
        return switch (fields.get(name)) {
            case null -> null;
            case String s -> s;
            case Object o -> throw wrong(pathOf(name), "a string", o);
        };
    }

    public @Nullable Boolean flag(String name) {
        return switch (fields.get(name)) {
            case null -> null;
            case Boolean b -> b;
            case Object o -> throw wrong(pathOf(name), "true or false", o);
        };
    }

    public boolean isTrue(String name) {
        return Boolean.TRUE.equals(flag(name));
    }

    /** An integer of 32 bits; a number without a fraction, such as 5.0, counts as one. */
    public @Nullable Integer integer(String name) {
        Object value = fields.get(name);
        return value == null ? null : integer(value, pathOf(name));
    }

    public @Nullable Long longInteger(String name) {
        Object value = fields.get(name);
        return switch (value) {
            case null -> null;
            case Integer i -> (long) i;
            case Long l -> l;
            case Double d when d == Math.rint(d) && Math.abs(d) < 0x1p53 -> d.longValue();
            case Object o -> throw wrong(pathOf(name), "an integer", o);
        };
    }

    public @Nullable Float number(String name) {
        return switch (fields.get(name)) {
            case null -> null;
            case Number n -> n.floatValue();
            case Object o -> throw wrong(pathOf(name), "a number", o);
        };
    }

    public @Nullable JsonObject object(String name) {
        Object value = fields.get(name);
        return value == null ? null : of(value, pathOf(name));
    }

    public @Nullable List<?> list(String name) {
        return switch (fields.get(name)) {
            case null -> null;
            case List<?> l -> l;
            case Object o -> throw wrong(pathOf(name), "a list", o);
        };
    }

    /** One string, or a list of them; empty where the field is absent. */
    public List<String> strings(String name) {
        Object value = fields.get(name);
        if (value instanceof String one) {
            return List.of(one);
        }
        List<?> list = value == null ? List.of() : asList(value, name, "a string or a list of strings");
        var strings = new ArrayList<String>();
        for (int i = 0; i < list.size(); i++) {
            if (!(list.get(i) instanceof String s)) {
                throw wrong(pathOf(name) + "[" + i + "]", "a string", list.get(i));
            }
            strings.add(s);
        }
        return strings;
    }

    /** A list of integers, or null where the field is absent. */
    public int @Nullable [] integers(String name) {
        Object value = fields.get(name);
        return value == null ? null : integers(asList(value, name, "a list of integers"), pathOf(name));
    }

    /** The elements of {@code list}, found at {@code path}, each of which has to be an integer. */
    public static int[] integers(List<?> list, String path) {
        int[] integers = new int[list.size()];
        for (int i = 0; i < integers.length; i++) {
            Object element = list.get(i);
            integers[i] = element instanceof Integer n ? n : integer(element, path + "[" + i + "]");
        }
        return integers;
    }

    /** The fields as a map of their own, for what is passed on as it is. */
    public Map<String, Object> toMap() {
        var map = new LinkedHashMap<String, Object>();
        fields.forEach((name, value) -> map.put((String) name, value));
        return map;
    }

    private List<?> asList(Object value, String name, String expected) {
        if (value instanceof List<?> list) {
            return list;
        }
        throw wrong(pathOf(name), expected, value);
    }

    private static int integer(@Nullable Object value, String path) {
        return switch (value) {
            case Integer i -> i;
            case Double d when d == Math.rint(d) && Math.abs(d) <= Integer.MAX_VALUE -> d.intValue();
            case Long l -> throw malformed(path + " must be an integer of 32 bits, got " + l);
            case BigInteger b -> throw malformed(path + " must be an integer of 32 bits, got " + b);
            case null, default -> throw wrong(path, "an integer", value);
        };
    }

    /** A refusal of form: its message names the place, so it has no parameter. */
    public static RequestRejected malformed(String message) {
        return new RequestRejected(RequestRejected.Code.INVALID, message, null);
    }

    public static RequestRejected wrong(String path, String expected, @Nullable Object value) {
        return malformed(path + " must be " + expected + ", got " + kind(value));
    }

    private static String kind(@Nullable Object value) {
        return switch (value) {
            case null -> "null";
            case String s -> "the string \"" + (s.length() > 40 ? s.substring(0, 40) + "…" : s) + "\"";
            case List<?> _ -> "a list";
            case Map<?, ?> _ -> "an object";
            default -> value.toString();
        };
    }
}
