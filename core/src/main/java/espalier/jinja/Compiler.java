package espalier.jinja;

import espalier.jinja.Code.Flow;
import espalier.jinja.Code.Statement;
import espalier.jinja.Node.Target;
import espalier.jinja.Symbols.Function;
import espalier.jinja.Symbols.Slot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns the syntax of a template into code, every name of it into a slot. */
final class Compiler {
    private final Map<String, Routine> routines = new HashMap<>();
    private final Blocks blocks = new Blocks(routines);
    private final Map<String, Node.Block> definitions = new HashMap<>();
    /** How deep the code of the function that is being compiled nests, and the deepest it came to. */
    private final Depth depth = new Depth();

    private Compiler() {}

    /** How many frames of Java's stack the code of a function takes at most. */
    static final class Depth {
        static final int FRAMES_PER_BODY = 4;
        static final int FRAMES_PER_OPERAND = 2;
        private static final int FRAMES_PER_CALL = 8;

        private int now;
        private int most;

        /** Enters the statements of a body, or an operand. */
        void enter(int frames) {
            now += frames;
            most = Math.max(most, now);
        }

        void leave(int frames) {
            now -= frames;
        }

        /** Starts to count for another function; what it returns is given back at the end of that. */
        int[] open() {
            int[] outer = {now, most};
            now = 0;
            most = 0;
            return outer;
        }

        /** Goes on with the function around; returns how deep the one that ends here nests. */
        int close(int[] outer) {
            int levels = most + FRAMES_PER_CALL;
            now = outer[0];
            most = outer[1];
            return levels;
        }
    }

    /** The compiled template and its slots. */
    static Routine compile(List<Node> nodes) {
        Compiler compiler = new Compiler();
        compiler.findBlocks(nodes);
        Routine root = compiler.block(nodes, true);
        compiler.definitions.forEach((name, block) -> compiler.routines.put(name, compiler.block(block.body(), false)));
        return root;
    }

    private void findBlocks(List<Node> nodes) {
        for (Node node : nodes) {
            if (node instanceof Node.Block block && definitions.put(block.name(), block) != null) {
                throw new TemplateException(
                        TemplateException.Kind.SYNTAX, block.line(), "block '" + block.name() + "' defined twice");
            }
            Walk.bodies(node).forEach(this::findBlocks);
        }
    }

    private Routine block(List<Node> body, boolean topLevel) {
        Symbols symbols = Symbols.root();
        Slot self = null;
        Slot parent = null;
        if (Scoping.undeclared(body, "self").contains("self")) {
            self = symbols.declareParameter("self");
        }
        if (!topLevel && Scoping.undeclared(body, "super").contains("super")) {
            parent = symbols.declareParameter("super");
        }
        Scoping.body(symbols, body);
        int[] outer = depth.open();
        Statement code = scope(body, new Scope(symbols, topLevel, false, 0));
        int levels = depth.close(outer);
        int selfSlot = self == null ? -1 : self.index();
        int parentSlot = parent == null ? -1 : parent.index();
        return new Routine(symbols.function().size(), levels, frame -> {
            if (selfSlot >= 0) {
                frame.slots[selfSlot] = new Blocks.Reference(blocks, frame.variables);
            }
            if (parentSlot >= 0) {
                frame.slots[parentSlot] = new Undefined("there is no parent block");
            }
            return code.run(frame);
        });
    }

    /**
     * Where a statement stands.
     *
     * @param topLevel outside of loops and macros, where assignments are seen by blocks
     * @param conditional in an {@code if}, where unknown filters fail only once they are used
     * @param loops how many loops of this function are around it
     */
    record Scope(Symbols symbols, boolean topLevel, boolean conditional, int loops) {
        Scope inner() {
            return new Scope(symbols.inner(), false, false, loops);
        }

        Scope innerFunction(Function function) {
            return new Scope(symbols.innerFunction(function), false, false, 0);
        }

        Scope loop() {
            return new Scope(symbols, topLevel, conditional, loops + 1);
        }

        Scope soft() {
            return new Scope(symbols, topLevel, true, loops);
        }

        Function function() {
            return symbols.function();
        }
    }

    /** Fills the slots of a scope, then runs its body. */
    private Statement scope(List<Node> body, Scope scope) {
        Statement entry = Entry.of(scope.symbols());
        Statement code = body(body, scope);
        return frame -> {
            entry.run(frame);
            return code.run(frame);
        };
    }

    private Statement body(List<Node> nodes, Scope scope) {
        depth.enter(Depth.FRAMES_PER_BODY);
        List<Statement> statements = new ArrayList<>();
        List<Integer> lines = new ArrayList<>();
        for (Node node : nodes) {
            statements.add(statement(node, scope));
            lines.add(node.line());
        }
        depth.leave(Depth.FRAMES_PER_BODY);
        return new Body(statements, lines);
    }

    private Code expression(Expression expression, Scope scope) {
        return new ExpressionCompiler(scope, depth).compile(expression);
    }

    private Statement statement(Node node, Scope scope) {
        return switch (node) {
            case Node.Text text -> characters(text.text());
            case Node.Print print -> print(expression(print.value(), scope));
            case Node.If branch -> branch(branch, scope);
            case Node.For loop -> new LoopCompiler(this).compile(loop, scope);
            case Node.Assign assign -> assign(assign, scope);
            case Node.AssignBlock block -> assignBlock(block, scope);
            case Node.MacroDefinition macro -> new MacroCompiler(this).definition(macro, scope);
            case Node.CallBlock call -> new MacroCompiler(this).callBlock(call, scope);
            case Node.Generation generation -> new MacroCompiler(this).generation(generation, scope);
            case Node.FilterBlock filter -> filterBlock(filter, scope);
            case Node.With with -> with(with, scope);
            case Node.Block block -> blockStatement(block, scope);
            case Node.Scope inner -> innerScope(inner, scope);
            case Node.Do statement -> evaluate(expression(statement.value(), scope));
            case Node.Break exit -> loopExit(scope, Flow.BREAK, exit.line());
            case Node.Continue next -> loopExit(scope, Flow.CONTINUE, next.line());
            case Node.Refused refused -> {
                String message = refused.message();
                yield frame -> {
                    throw Failure.of(message);
                };
            }
        };
    }

    private static Statement characters(String text) {
        return frame -> {
            frame.out.append(text);
            return Flow.NEXT;
        };
    }

    private Statement innerScope(Node.Scope node, Scope scope) {
        Scope inner = scope.inner();
        Scoping.body(inner.symbols(), node.body());
        return scope(node.body(), inner);
    }

    private static Statement evaluate(Code value) {
        return frame -> {
            value.eval(frame);
            return Flow.NEXT;
        };
    }

    private static Statement print(Code value) {
        return frame -> {
            frame.out.append(PythonText.str(frame.render, value.eval(frame)));
            return Flow.NEXT;
        };
    }

    /** What a filter block or a call block puts out, which is not converted to text as printed values are. */
    static String text(Object value) {
        String text = Types.text(value);
        if (text == null) {
            throw Failure.of("sequence item 0: expected str instance, " + Types.name(value) + " found");
        }
        return text;
    }

    private static Statement loopExit(Scope scope, Flow flow, int line) {
        if (scope.loops() == 0) {
            throw new TemplateException(TemplateException.Kind.SYNTAX, line, "break or continue outside of a loop");
        }
        return frame -> flow;
    }

    private Statement branch(Node.If branch, Scope scope) {
        Scope soft = scope.soft();
        List<Code> tests = new ArrayList<>();
        List<Statement> bodies = new ArrayList<>();
        tests.add(expression(branch.test(), soft));
        bodies.add(body(branch.body(), soft));
        for (Node.If elif : branch.elifs()) {
            tests.add(expression(elif.test(), soft));
            bodies.add(body(elif.body(), soft));
        }
        Statement otherwise = body(branch.otherwise(), soft);
        Code[] conditions = tests.toArray(new Code[0]);
        return frame -> {
            for (int i = 0; i < conditions.length; i++) {
                if (Types.truth(conditions[i].eval(frame))) {
                    return bodies.get(i).run(frame);
                }
            }
            return otherwise.run(frame);
        };
    }

    private Statement assign(Node.Assign assign, Scope scope) {
        Code value = expression(assign.value(), scope);
        Assignment target = Assignment.to(assign.target(), scope);
        return frame -> {
            target.check(frame);
            target.assign(frame, value.eval(frame));
            return Flow.NEXT;
        };
    }

    /** Runs a body and gives its text; null where it left the loop around it, whose text is lost then. */
    static @Nullable String captured(Frame frame, Statement body, Flow[] flow) {
        Text outside = frame.out;
        Text inside = new Text(frame.render);
        frame.out = inside;
        try {
            flow[0] = body.run(frame);
        } finally {
            frame.out = outside;
        }
        return flow[0] == Flow.NEXT ? inside.toString() : null;
    }

    private Statement assignBlock(Node.AssignBlock block, Scope scope) {
        Scope inner = scope.inner();
        Scoping.body(inner.symbols(), block.body());
        Statement body = scope(block.body(), inner);
        Capture filter = capture(block.filter(), inner);
        Assignment target = Assignment.to(block.target(), scope);
        return frame -> {
            Flow[] flow = new Flow[1];
            String text = captured(frame, body, flow);
            if (text == null) {
                return flow[0];
            }
            target.assign(frame, filter.apply(frame, text));
            return Flow.NEXT;
        };
    }

    /** What is made of a captured text. */
    interface Capture {
        Object apply(Frame frame, String text);
    }

    private Capture capture(Expression.@Nullable Filtered filter, Scope scope) {
        if (filter == null) {
            return (frame, text) -> text;
        }
        return new ExpressionCompiler(scope, depth).filterOfText(filter);
    }

    private Statement filterBlock(Node.FilterBlock block, Scope scope) {
        Scope inner = scope.inner();
        Scoping.body(inner.symbols(), block.body());
        Scoping.expression(inner.symbols(), block.filter());
        Statement body = scope(block.body(), inner);
        Capture filter = capture(block.filter(), inner);
        return frame -> {
            Flow[] flow = new Flow[1];
            String text = captured(frame, body, flow);
            if (text == null) {
                return flow[0];
            }
            frame.out.append(text(filter.apply(frame, text)));
            return Flow.NEXT;
        };
    }

    private Statement with(Node.With with, Scope scope) {
        Scope inner = scope.inner();
        for (Target target : with.targets()) {
            Scoping.parameters(inner.symbols(), target);
        }
        Scoping.body(inner.symbols(), with.body());
        List<Code> values =
                with.values().stream().map(value -> expression(value, scope)).toList();
        List<Assignment> targets = with.targets().stream()
                .map(target -> Assignment.to(target, inner))
                .toList();
        Statement entry = Entry.of(inner.symbols());
        Statement body = body(with.body(), inner);
        return frame -> {
            entry.run(frame);
            for (int i = 0; i < values.size(); i++) {
                targets.get(i).assign(frame, values.get(i).eval(frame));
            }
            return body.run(frame);
        };
    }

    private Statement blockStatement(Node.Block block, Scope scope) {
        String name = block.name();
        if (block.required()) {
            return frame -> {
                throw Failure.of("Required block '" + name + "' not found");
            };
        }
        if (!block.scoped()) {
            return frame -> {
                blocks.render(name, frame, frame.variables);
                return Flow.NEXT;
            };
        }
        Map<String, Slot> visible = scope.symbols().visibleStores();
        Function function = scope.function();
        return frame -> {
            Map<String, Object> locals = new HashMap<>();
            visible.forEach((local, slot) -> {
                Object value = frame.outer(slot.distance(function)).slots[slot.index()];
                if (value != Missing.MISSING) {
                    locals.put(local, value);
                }
            });
            blocks.render(name, frame, frame.variables.derived(locals));
            return Flow.NEXT;
        };
    }

    Statement scopeOf(List<Node> body, Scope scope) {
        return scope(body, scope);
    }

    Statement bodyOf(List<Node> body, Scope scope) {
        return body(body, scope);
    }

    Code codeOf(Expression expression, Scope scope) {
        return expression(expression, scope);
    }

    Depth depth() {
        return depth;
    }
}
