package espalier.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A path of attributes such as {@code address.city} or {@code pairs.0}, as filters take it to look into items. */
final class AttributePath {
    private final Render render;
    private final List<Object> parts;
    private final @Nullable Object defaultValue;

    private AttributePath(Render render, List<Object> parts, @Nullable Object defaultValue) {
        this.render = render;
        this.parts = parts;
        this.defaultValue = defaultValue;
    }

    /** {@code None} leaves items as they are. */
    static AttributePath of(Render render, Object attribute) {
        return of(render, attribute, null);
    }

    static AttributePath of(Render render, Object attribute, @Nullable Object defaultValue) {
        List<Object> parts = new ArrayList<>();
        String path = Types.text(attribute);
        if (path != null) {
            for (String part : path.split("\\.", -1)) {
                parts.add(Characters.all(part, Characters::isDigit) ? index(part) : part);
            }
        } else if (attribute != None.NONE) {
            parts.add(attribute);
        }
        return new AttributePath(render, parts, defaultValue == None.NONE ? null : defaultValue);
    }

    private static Object index(String part) {
        try {
            return Long.valueOf(part);
        } catch (NumberFormatException e) {
            throw Failure.of("invalid literal for int() with base 10: " + PythonText.quoted(part));
        }
    }

    /** Several paths, separated by commas, as one that gives a list. */
    static java.util.function.Function<Object, Object> several(Render render, Object attribute, boolean caseSensitive) {
        String paths = Types.text(attribute);
        List<AttributePath> all = new ArrayList<>();
        if (paths == null) {
            all.add(of(render, attribute));
        } else {
            for (String path : paths.split(",", -1)) {
                all.add(of(render, path));
            }
        }
        return item -> {
            List<Object> values = new ArrayList<>(all.size());
            for (AttributePath path : all) {
                values.add(caseSensitive ? path.of(item) : ignoreCase(path.of(item)));
            }
            return new ListValue(values);
        };
    }

    Object of(Object item) {
        Object value = item;
        for (Object part : parts) {
            value = Attributes.item(render, value, part);
            if (defaultValue != null && value instanceof Undefined) {
                value = defaultValue;
            }
        }
        return value;
    }

    static Object ignoreCase(Object value) {
        String text = Types.text(value);
        return text == null ? value : Casing.lower(text);
    }
}
