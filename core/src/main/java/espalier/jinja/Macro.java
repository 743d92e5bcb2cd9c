package espalier.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A macro, or the body of a call block: a function that returns its text. */
final class Macro implements Callable {
    /**
     * What is known of a macro when it is compiled.
     *
     * @param name null for the body of a call block
     * @param parameters the slots of its parameters by name, in order
     * @param caller the slot of {@code caller} where the body uses it, and likewise for {@code kwargs} and {@code varargs}
     */
    record Definition(
            @Nullable String name,
            List<String> parameters,
            int[] parameterSlots,
            @Nullable Integer caller,
            @Nullable Integer namedRest,
            @Nullable Integer rest,
            Routine routine) {}

    private final Definition definition;
    private final Frame closure;

    Macro(Definition definition, Frame closure) {
        this.definition = definition;
        this.closure = closure;
    }

    @Nullable
    Object attribute(String attribute) {
        return switch (attribute) {
            case "name" -> definition.name == null ? None.NONE : definition.name;
            case "arguments" -> new Tuple(List.copyOf(definition.parameters));
            case "catch_kwargs" -> definition.namedRest != null;
            case "catch_varargs" -> definition.rest != null;
            case "caller" -> definition.caller != null;
            default -> null;
        };
    }

    @Override
    public Object call(Render render, Arguments arguments) {
        Routine routine = definition.routine;
        Frame frame = closure.inner(routine.slots());
        bind(frame, arguments);
        render.enter(routine.levels());
        routine.body().run(frame);
        render.leave(routine.levels());
        return frame.out.toString();
    }

    private void bind(Frame frame, Arguments arguments) {
        List<Object> positional = arguments.positional();
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        int count = definition.parameters.size();
        for (int i = 0; i < count; i++) {
            Object value = i < positional.size() ? positional.get(i) : named.remove(definition.parameters.get(i));
            if (value != null) {
                frame.slots[definition.parameterSlots[i]] = value;
            }
        }
        if (definition.caller != null && !definition.parameters.contains("caller")) {
            Object caller = named.remove("caller");
            frame.slots[definition.caller] =
                    caller == null || caller == None.NONE ? new Undefined("No caller defined") : caller;
        }
        if (definition.namedRest != null) {
            Dict rest = new Dict();
            named.forEach(rest::put);
            frame.slots[definition.namedRest] = rest;
        } else if (!named.isEmpty()) {
            throw Failure.of("macro " + quotedName() + " takes no keyword argument "
                    + PythonText.quoted(named.keySet().iterator().next()));
        }
        if (definition.rest != null) {
            List<Object> rest = positional.size() > count ? positional.subList(count, positional.size()) : List.of();
            frame.slots[definition.rest] = new Tuple(new ArrayList<>(rest));
        } else if (positional.size() > count) {
            throw Failure.of("macro " + quotedName() + " takes not more than " + count + " argument(s)");
        }
    }

    private String quotedName() {
        return definition.name == null ? "None" : PythonText.quoted(definition.name);
    }

    @Override
    public String describe() {
        return "<Macro " + (definition.name == null ? "anonymous" : quotedName()) + ">";
    }
}
