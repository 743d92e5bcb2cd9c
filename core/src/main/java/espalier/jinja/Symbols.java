package espalier.jinja;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The names of one scope and where their values live. Jinja settles scoping when it compiles: every name of a scope is one local
 * variable of a generated function, which is filled when the scope is entered (from the variables of the render, or from the
 * same name further out) and may be assigned within. This class makes the same decisions, with slots of a {@link Frame} for
 * local variables, so that what leaks and what does not is as there, down to the odd cases.
 */
final class Symbols {
    /** A slot, and the function whose frame holds it. */
    record Slot(Function function, int index) {
        /** How many frames lie between the code of a function and this slot. */
        int distance(Function from) {
            int distance = 0;
            for (Function at = from; at != function; at = at.outer()) {
                distance++;
            }
            return distance;
        }
    }

    /** A function of the compiled template: the template itself, a macro, a block, a recursive loop, a loop's filter. */
    static final class Function {
        private final @Nullable Function outer;
        private final Map<String, Slot> slots = new LinkedHashMap<>();

        Function(@Nullable Function outer) {
            this.outer = outer;
        }

        Function outer() {
            if (outer == null) {
                throw new IllegalStateException("a slot of a function that does not enclose this one");
            }
            return outer;
        }

        /** Scopes side by side share the slots of equal names, as they are never alive together. */
        Slot slot(int level, String name) {
            return slots.computeIfAbsent(level + " " + name, key -> new Slot(this, slots.size()));
        }

        int size() {
            return slots.size();
        }
    }

    /** How a slot is filled when its scope is entered. */
    sealed interface Load {
        /** By the caller or the loop. */
        record Parameter() implements Load {}

        /** From the render's variables and globals. */
        record Resolve(String name) implements Load {}

        /** From the same name of an outer scope. */
        record Alias(Slot slot) implements Load {}

        record Undefined() implements Load {}
    }

    private final @Nullable Symbols parent;
    private final int level;
    private final Function function;
    private final Map<String, Slot> slots;
    private final Map<Slot, Load> loads;
    private final Set<String> stores;

    private Symbols(@Nullable Symbols parent, int level, Function function) {
        this.parent = parent;
        this.level = level;
        this.function = function;
        this.slots = new LinkedHashMap<>();
        this.loads = new LinkedHashMap<>();
        this.stores = new LinkedHashSet<>();
    }

    private Symbols(Symbols original) {
        this.parent = original.parent;
        this.level = original.level;
        this.function = original.function;
        this.slots = new LinkedHashMap<>(original.slots);
        this.loads = new LinkedHashMap<>(original.loads);
        this.stores = new LinkedHashSet<>(original.stores);
    }

    static Symbols root() {
        return new Symbols(null, 0, new Function(null));
    }

    /** A scope within this one, in the same function. */
    Symbols inner() {
        return new Symbols(this, level + 1, function);
    }

    /** A scope within this one, in a function of its own. */
    Symbols innerFunction(Function of) {
        return new Symbols(this, level + 1, of);
    }

    Function function() {
        return function;
    }

    Symbols copy() {
        return new Symbols(this);
    }

    @Nullable
    Slot find(String name) {
        Slot slot = slots.get(name);
        return slot != null || parent == null ? slot : parent.find(name);
    }

    Slot slot(String name, int line) {
        Slot slot = find(name);
        if (slot == null) {
            throw new TemplateException(
                    TemplateException.Kind.SYNTAX,
                    line,
                    "the name '" + name + "' cannot be used here; set it before the block");
        }
        return slot;
    }

    Map<Slot, Load> loads() {
        return loads;
    }

    private Slot define(String name, Load load) {
        Slot slot = function.slot(level, name);
        slots.put(name, slot);
        loads.put(slot, load);
        return slot;
    }

    Slot declareParameter(String name) {
        stores.add(name);
        return define(name, new Load.Parameter());
    }

    void load(String name) {
        if (find(name) == null) {
            define(name, new Load.Resolve(name));
        }
    }

    void store(String name) {
        stores.add(name);
        if (!slots.containsKey(name)) {
            Slot outer = parent == null ? null : parent.find(name);
            define(name, outer == null ? new Load.Undefined() : new Load.Alias(outer));
        }
    }

    /** Takes over what the branches of an {@code if} define: a name set in one of them has its outer value in the others. */
    void merge(List<Symbols> branches) {
        Set<String> stored = new LinkedHashSet<>();
        branches.forEach(branch -> stored.addAll(branch.stores));
        stored.removeAll(stores);
        for (Symbols branch : branches) {
            slots.putAll(branch.slots);
            loads.putAll(branch.loads);
            stores.addAll(branch.stores);
        }
        for (String name : stored) {
            Slot slot = slots.get(name);
            Slot outer = parent == null ? null : parent.find(name);
            if (slot != null) {
                loads.put(slot, outer == null ? new Load.Resolve(name) : new Load.Alias(outer));
            }
        }
    }

    /** Every name that is assigned here or further out, with its slot. */
    Map<String, Slot> visibleStores() {
        Map<String, Slot> visible = new LinkedHashMap<>();
        for (Symbols at = this; at != null; at = at.parent) {
            for (String name : at.stores) {
                Slot slot = find(name);
                if (slot != null) {
                    visible.putIfAbsent(name, slot);
                }
            }
        }
        return visible;
    }

    Collection<String> stores() {
        return stores;
    }
}
