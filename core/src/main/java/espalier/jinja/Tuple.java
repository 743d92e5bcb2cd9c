package espalier.jinja;

import java.util.List;

/**
 * An immutable sequence.
 *
 * @param names what its items can be called by, or empty
 */
record Tuple(List<Object> items, List<String> names) {
    Tuple(List<Object> items) {
        this(items, List.of());
    }

    static Tuple of(Object... items) {
        return new Tuple(List.of(items));
    }
}
