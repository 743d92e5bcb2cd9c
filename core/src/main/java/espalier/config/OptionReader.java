package espalier.config;

import espalier.api.RequestRejected;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Turns typed flags into the record tree of {@link Options}, and the tree back into a flat map. */
public final class OptionReader {

    private OptionReader() {}

    /** One flag of the tree. */
    public record Described(Flag flag, Class<?> type) {
        public String name() {
            return flag.value()[0];
        }

        public boolean isSwitch() {
            return type == boolean.class;
        }

        /** What may be typed; empty where that is no short list. */
        public List<String> choices() {
            return type.isEnum()
                    ? Stream.of(type.getEnumConstants())
                            .map(each -> spell((Enum<?>) each))
                            .toList()
                    : List.of();
        }
    }

    /** Every flag of {@code root}, a record whose components are flags or such records, in order. */
    public static List<Described> flags(Class<? extends Record> root) {
        var all = new ArrayList<Described>();
        for (RecordComponent c : root.getRecordComponents()) {
            Flag flag = c.getAnnotation(Flag.class);
            if (flag == null) {
                all.addAll(flags(c.getType().asSubclass(Record.class)));
            } else {
                all.add(new Described(flag, c.getType()));
            }
        }
        return all;
    }

    /**
     * Builds {@code root} from what was typed.
     *
     * @param typed the value of the flag with the given (first) name, or null
     * @throws RequestRejected for a value of another kind, or a number less than the flag takes
     */
    public static <T extends Record> T read(Class<T> root, Function<String, @Nullable String> typed) {
        RecordComponent[] parts = root.getRecordComponents();
        var values = new @Nullable Object[parts.length];
        var types = new Class<?>[parts.length];
        for (int i = 0; i < parts.length; i++) {
            types[i] = parts[i].getType();
            Flag flag = parts[i].getAnnotation(Flag.class);
            values[i] = flag == null
                    ? read(types[i].asSubclass(Record.class), typed)
                    : value(flag, types[i], typed.apply(flag.value()[0]));
        }
        try {
            var constructor = root.getDeclaredConstructor(types);
            constructor.setAccessible(true); // commands keep their flags to themselves and open their package to us
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof RequestRejected r ? r : new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Everything at its default. */
    public static <T extends Record> T defaults(Class<T> root) {
        return read(root, name -> null);
    }

    /** Flag names in SGLang's spelling of arguments ({@code model_path}) with their values, secrets left out. */
    public static Map<String, @Nullable Object> flat(Record root) {
        var all = new TreeMap<String, @Nullable Object>();
        for (RecordComponent c : root.getClass().getRecordComponents()) {
            Object value = value(root, c);
            Flag flag = c.getAnnotation(Flag.class);
            if (flag == null && value instanceof Record nested) {
                all.putAll(flat(nested));
            } else if (flag != null) {
                String name = flag.value()[0].substring(2).replace('-', '_');
                boolean secret = name.endsWith("_token") || name.endsWith("_key");
                all.put(name, value == null ? null : secret ? "***" : value instanceof Enum<?> e ? spell(e) : value);
            }
        }
        return all;
    }

    /**
     * {@code value}, if it is at least {@code least}.
     *
     * @throws RequestRejected that names the flag
     */
    public static int atLeast(String flag, int least, int value) {
        if (value < least) {
            throw RequestRejected.invalid(flag, flag + " must be at least " + least + ", got " + value);
        }
        return value;
    }

    /** Refuses numbers that are less than their flags take: a record may have been made by other code than {@link #read}. */
    static void requireLeast(Record root) {
        for (RecordComponent c : root.getClass().getRecordComponents()) {
            Flag flag = c.getAnnotation(Flag.class);
            Object value = value(root, c);
            if (flag == null && value instanceof Record nested) {
                requireLeast(nested);
            } else if (flag != null && value instanceof Integer number) {
                atLeast(flag.value()[0], flag.least(), number);
            }
        }
    }

    private static @Nullable Object value(Record root, RecordComponent c) {
        try {
            return c.getAccessor().invoke(root);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static @Nullable Object value(Flag flag, Class<?> type, @Nullable String typed) {
        String text = typed != null ? typed : flag.byDefault();
        if (type == boolean.class) {
            return Boolean.parseBoolean(text);
        }
        if (text.isEmpty() && typed == null) {
            return null;
        }
        try {
            if (type == int.class || type == Integer.class) {
                return atLeast(flag.value()[0], flag.least(), Integer.parseInt(text));
            } else if (type == Long.class) {
                return Long.valueOf(text);
            } else if (type == double.class || type == Double.class) {
                return Double.valueOf(text);
            }
        } catch (NumberFormatException e) {
            throw RequestRejected.invalid(
                    flag.value()[0], flag.value()[0] + takes(type, text) + ", got '" + text + "'");
        }
        return type.isEnum() ? choice(flag, type, text) : text;
    }

    private static String takes(Class<?> type, String text) {
        boolean whole = type != double.class && type != Double.class;
        if (!whole || !text.matches("[+-]?\\d+")) {
            return whole ? " takes a whole number" : " takes a number";
        }
        return type == Long.class ? " takes a whole number of 64 bits" : " takes a whole number of 32 bits";
    }

    private static Object choice(Flag flag, Class<?> type, String text) {
        List<String> choices = new Described(flag, type).choices();
        int index = choices.indexOf(text);
        if (index < 0) {
            throw RequestRejected.invalid(
                    flag.value()[0],
                    flag.value()[0] + " takes one of " + String.join(", ", choices) + ", got '" + text + "'");
        }
        return type.getEnumConstants()[index];
    }

    private static String spell(Enum<?> each) {
        return each.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
