package espalier.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The variables that a render was given, over the globals, under what the template has set at its top level. */
final class Variables {
    private final Map<String, Object> globals;
    private final Map<String, Object> given;
    private final Map<String, Object> set = new HashMap<>();

    Variables(Map<String, Object> globals, Map<String, Object> given) {
        this.globals = globals;
        this.given = given;
    }

    /** These variables with some more over them. */
    Variables derived(Map<String, Object> locals) {
        Map<String, Object> all = new HashMap<>(given);
        all.putAll(set);
        all.putAll(locals);
        return new Variables(globals, all);
    }

    Object resolve(String name) {
        Object value = first(set.get(name), given.get(name));
        value = first(value, globals.get(name));
        return value == null ? Missing.MISSING : value;
    }

    void set(String name, Object value) {
        set.put(name, value);
    }

    private static @Nullable Object first(@Nullable Object first, @Nullable Object second) {
        return first == null ? second : first;
    }
}
