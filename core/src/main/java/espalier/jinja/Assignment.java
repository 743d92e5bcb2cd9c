package espalier.jinja;

import espalier.jinja.Node.Target;
import java.util.List;

/** A compiled target of an assignment. */
interface Assignment {
    void assign(Frame frame, Object value);

    /** Fails before anything is evaluated where an attribute is to be set on what is no namespace. */
    default void check(Frame frame) {}

    static Assignment to(Target target, Compiler.Scope scope) {
        return switch (target) {
            case Target.Variable variable -> variable(variable, scope);
            case Target.Unpacked unpacked ->
                new Unpacking(unpacked.targets().stream()
                        .map(inner -> to(inner, scope))
                        .toList());
            case Target.Field field -> {
                Symbols.Slot slot = scope.symbols().slot(field.namespace(), field.line());
                yield new FieldAssignment(slot.index(), slot.distance(scope.function()), field.attribute());
            }
        };
    }

    private static Assignment variable(Target.Variable variable, Compiler.Scope scope) {
        int slot = scope.symbols().slot(variable.name(), variable.line()).index();
        String name = variable.name();
        if (!scope.topLevel()) {
            return (frame, value) -> frame.slots[slot] = value;
        }
        return (frame, value) -> {
            frame.slots[slot] = value;
            frame.variables.set(name, value);
        };
    }

    /** {@code a, b = value}. */
    record Unpacking(List<Assignment> targets) implements Assignment {
        @Override
        public void check(Frame frame) {
            targets.forEach(target -> target.check(frame));
        }

        @Override
        public void assign(Frame frame, Object value) {
            if (Sequences.iteratorOrNull(frame.render, value) == null) {
                throw Failure.of("cannot unpack non-iterable " + Types.name(value) + " object");
            }
            List<Object> items = Sequences.list(frame.render, value);
            if (items.size() > targets.size()) {
                throw Failure.of("too many values to unpack (expected " + targets.size() + ")");
            }
            if (items.size() < targets.size()) {
                throw Failure.of(
                        "not enough values to unpack (expected " + targets.size() + ", got " + items.size() + ")");
            }
            for (int i = 0; i < items.size(); i++) {
                targets.get(i).assign(frame, items.get(i));
            }
        }
    }

    /** {@code namespace.attribute = value}. */
    record FieldAssignment(int slot, int distance, String attribute) implements Assignment {
        @Override
        public void check(Frame frame) {
            namespace(frame);
        }

        @Override
        public void assign(Frame frame, Object value) {
            namespace(frame).set(attribute, value);
        }

        private Namespace namespace(Frame frame) {
            if (frame.outer(distance).slots[slot] instanceof Namespace namespace) {
                return namespace;
            }
            throw Failure.of("cannot assign attribute on non-namespace object");
        }
    }
}
