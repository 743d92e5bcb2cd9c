package espalier.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a call passes. */
record Arguments(List<Object> positional, Map<String, Object> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    static Arguments of(Object... positional) {
        return new Arguments(List.of(positional), Map.of());
    }

    /** The arguments laid out by the parameters of a function, of which the first {@code required} must be given. */
    Bound bind(String function, int required, String... parameters) {
        @Nullable Object[] values = new @Nullable Object[parameters.length];
        if (positional.size() > parameters.length) {
            throw Failure.of(function + "() takes at most " + parameters.length + " arguments (" + positional.size()
                    + " given)");
        }
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        for (Map.Entry<String, Object> entry : named.entrySet()) {
            int index = List.of(parameters).indexOf(entry.getKey());
            if (index < 0) {
                throw Failure.of(function + "() got an unexpected keyword argument '" + entry.getKey() + "'");
            }
            if (values[index] != null) {
                throw Failure.of(function + "() got multiple values for argument '" + entry.getKey() + "'");
            }
            values[index] = entry.getValue();
        }
        for (int i = 0; i < required; i++) {
            if (values[i] == null) {
                throw Failure.of(function + "() missing required argument: '" + parameters[i] + "'");
            }
        }
        return new Bound(function, values);
    }

    /** As {@link #bind} for a function whose parameters have no names. */
    Bound positional(String function, int required, int most) {
        if (!named.isEmpty()) {
            throw Failure.of(function + "() takes no keyword arguments");
        }
        if (positional.size() < required || positional.size() > most) {
            throw Failure.of(function + "() takes " + (required == most ? "exactly " + most : required + " to " + most)
                    + " arguments (" + positional.size() + " given)");
        }
        @Nullable Object[] values = new @Nullable Object[most];
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        return new Bound(function, values);
    }

    /** The same call without its first positional argument. */
    Arguments rest(int from) {
        return new Arguments(positional.subList(from, positional.size()), named);
    }

    Arguments with(String name, Object value) {
        Map<String, Object> extended = new LinkedHashMap<>(named);
        if (extended.put(name, value) != null) {
            throw Failure.of("keyword argument repeated: " + name);
        }
        return new Arguments(positional, extended);
    }

    /** Arguments in the order of a function's parameters; null where none was given. */
    static final class Bound {
        private final String function;
        private final @Nullable Object[] values;

        private Bound(String function, @Nullable Object[] values) {
            this.function = function;
            this.values = values;
        }

        @Nullable
        Object optional(int index) {
            return values[index];
        }

        /** The argument, or the default where none was given. */
        Object or(int index, Object defaultValue) {
            Object value = values[index];
            return value == null ? defaultValue : value;
        }

        /** The argument, or null where none or {@code None} was given. */
        @Nullable
        Object unlessNone(int index) {
            return values[index] == None.NONE ? null : values[index];
        }

        Object at(int index) {
            Object value = values[index];
            if (value == null) {
                throw new IllegalStateException(function + " reads an argument that it does not require");
            }
            return value;
        }

        boolean truth(int index) {
            Object value = values[index];
            return value != null && Types.truth(value);
        }

        int count(int index, int defaultValue) {
            Object value = values[index];
            return value == null ? defaultValue : Numbers.count(value, function + "() argument");
        }

        /** An argument that must be a string. */
        String text(int index) {
            Object value = at(index);
            String text = Types.text(value);
            if (text == null) {
                throw value instanceof Undefined undefined
                        ? undefined.failure()
                        : Failure.of(function + "() argument must be str, not " + Types.name(value));
            }
            return text;
        }

        String text(int index, String defaultValue) {
            return values[index] == null ? defaultValue : text(index);
        }
    }
}
