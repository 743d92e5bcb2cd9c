package espalier.jinja;

import espalier.jinja.Code.Flow;
import espalier.jinja.Code.Statement;
import espalier.jinja.Compiler.Scope;
import espalier.jinja.Symbols.Function;
import espalier.jinja.Symbols.Slot;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** Compiles {@code for}. */
final class LoopCompiler {
    private final Compiler compiler;

    LoopCompiler(Compiler compiler) {
        this.compiler = compiler;
    }

    /**
     * A loop's compiled parts.
     *
     * @param loopSlot the slot of {@code loop}; negative where nothing uses it
     */
    private record Parts(
            Assignment target,
            @Nullable Filter filter,
            int loopSlot,
            Statement entry,
            Statement body,
            @Nullable Statement otherwise) {}

    /** Wraps the items of a loop so that only those that pass its test come through. */
    private interface Filter {
        Iterator<Object> over(Frame frame, Iterator<Object> items);
    }

    Statement compile(Node.For loop, Scope scope) {
        checkNotAssigned(loop);
        Function function = loop.recursive() ? new Function(scope.function()) : scope.function();
        Scope inner = loop.recursive() ? scope.innerFunction(function) : scope.inner();
        boolean extended =
                loop.recursive() || Scoping.undeclared(loop.body(), "loop").contains("loop") || hasScopedBlock(loop);
        Slot loopSlot = extended ? inner.symbols().declareParameter("loop") : null;
        Scoping.parameters(inner.symbols(), loop.target());
        Scoping.body(inner.symbols(), loop.body());
        Filter filter = loop.test() == null ? null : filter(loop, loop.test(), scope, function);
        Code iterable = compiler.codeOf(loop.iterable(), scope);
        if (!loop.recursive()) {
            Parts parts = parts(loop, scope, inner, loopSlot, filter);
            return frame -> run(parts, frame, iterable.eval(frame), null, 0);
        }
        int[] outer = compiler.depth().open();
        Parts parts = parts(loop, scope, inner, loopSlot, filter);
        int levels = compiler.depth().close(outer);
        return frame -> {
            Object text = recursion(parts, frame, function.size(), levels).render(iterable.eval(frame), 0);
            frame.out.append(PythonText.str(frame.render, text));
            return Flow.NEXT;
        };
    }

    private Parts parts(Node.For loop, Scope scope, Scope inner, @Nullable Slot loopSlot, @Nullable Filter filter) {
        return new Parts(
                Assignment.to(loop.target(), inner),
                filter,
                loopSlot == null ? -1 : loopSlot.index(),
                Entry.of(inner.symbols()),
                compiler.bodyOf(loop.body(), inner.loop()),
                otherwise(loop, scope, inner.function()));
    }

    private static void checkNotAssigned(Node.For loop) {
        if (LoopNames.assigns(loop)) {
            throw new TemplateException(
                    TemplateException.Kind.SYNTAX,
                    loop.line(),
                    "Can't assign to special loop variable in for-loop target");
        }
    }

    private static boolean hasScopedBlock(Node node) {
        return (node instanceof Node.Block block && block.scoped())
                || Walk.bodies(node).stream().anyMatch(body -> body.stream().anyMatch(LoopCompiler::hasScopedBlock));
    }

    private @Nullable Statement otherwise(Node.For loop, Scope scope, Function function) {
        if (loop.otherwise().isEmpty()) {
            return null;
        }
        Scope inner = loop.recursive() ? scope.innerFunction(function) : scope.inner();
        Scoping.body(inner.symbols(), loop.otherwise());
        return compiler.scopeOf(loop.otherwise(), inner);
    }

    /** The test runs in a function of its own, as it may run ahead of the body. */
    private Filter filter(Node.For loop, Expression test, Scope scope, Function outer) {
        Function function = new Function(outer);
        Scope own = scope.innerFunction(function);
        Scoping.parameters(own.symbols(), loop.target());
        Scoping.expression(own.symbols(), test);
        Assignment target = Assignment.to(loop.target(), own);
        Code condition = compiler.codeOf(test, own);
        Statement entry = Entry.of(own.symbols());
        return (frame, items) -> {
            Frame inner = frame.inner(function.size());
            entry.run(inner);
            return new Passing(items, item -> {
                target.assign(inner, item);
                return Types.truth(condition.eval(inner));
            });
        };
    }

    /** The items that pass a test, which is asked no earlier than it must be. */
    static final class Passing implements Iterator<Object> {
        private final Iterator<Object> items;
        private final java.util.function.Predicate<Object> test;
        private @Nullable Object next;

        Passing(Iterator<Object> items, java.util.function.Predicate<Object> test) {
            this.items = items;
            this.test = test;
        }

        @Override
        public boolean hasNext() {
            while (next == null && items.hasNext()) {
                Object item = items.next();
                next = test.test(item) ? item : null;
            }
            return next != null;
        }

        @Override
        public Object next() {
            Object item = hasNext() ? next : null;
            if (item == null) {
                throw new NoSuchElementException();
            }
            next = null;
            return item;
        }
    }

    private static Loop.Recursion recursion(Parts parts, Frame frame, int slots, int levels) {
        return new Loop.Recursion() {
            @Override
            public Object render(Object iterable, int depth) {
                Frame inner = frame.inner(slots);
                frame.render.enter(levels);
                run(parts, inner, iterable, this, depth);
                frame.render.leave(levels);
                return inner.out.toString();
            }
        };
    }

    private static Flow run(Parts parts, Frame frame, Object iterable, Loop.@Nullable Recursion recursion, int depth) {
        Iterator<Object> items = Sequences.iterator(frame.render, iterable);
        int length = parts.filter == null ? Sequences.lengthOrNegative(iterable) : -1;
        if (parts.filter != null) {
            items = parts.filter.over(frame, items);
        }
        boolean empty = true;
        if (parts.loopSlot < 0) {
            while (items.hasNext()) {
                parts.target.assign(frame, items.next());
                Flow flow = iteration(parts, frame);
                empty &= flow != Flow.NEXT;
                if (flow == Flow.BREAK) {
                    break;
                }
            }
        } else {
            Loop loop = new Loop(frame.render, items, length, recursion, depth);
            frame.slots[parts.loopSlot] = Missing.MISSING;
            while (loop.hasNext()) {
                parts.target.assign(frame, loop.next());
                frame.slots[parts.loopSlot] = loop;
                Flow flow = iteration(parts, frame);
                empty &= flow != Flow.NEXT;
                if (flow == Flow.BREAK) {
                    break;
                }
            }
        }
        return empty && parts.otherwise != null ? parts.otherwise.run(frame) : Flow.NEXT;
    }

    private static Flow iteration(Parts parts, Frame frame) {
        frame.render.visit();
        parts.entry.run(frame);
        return parts.body.run(frame);
    }
}
