package espalier.jinja;

import org.jspecify.annotations.Nullable;

/** The one value that a template can change: {@code set namespace.attribute = value}. */
final class Namespace {
    private final Dict attributes = new Dict();

    Namespace(Dict initial) {
        for (Dict.Entry entry : initial.entries()) {
            set(entry.key(), entry.value());
        }
    }

    @Nullable
    Object get(String name) {
        return attributes.get(name);
    }

    void set(Object name, Object value) {
        String text = Types.text(name);
        if (text != null && text.startsWith("_")) {
            throw Failure.of("Chat templates cannot store underscore-prefixed attributes on a namespace, but got "
                    + PythonText.quoted(text) + ". Please rename the attribute.");
        }
        attributes.put(name, value);
    }

    Dict dict() {
        return attributes;
    }
}
