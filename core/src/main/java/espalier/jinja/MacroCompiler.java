package espalier.jinja;

import espalier.jinja.Code.Flow;
import espalier.jinja.Code.Statement;
import espalier.jinja.Compiler.Scope;
import espalier.jinja.Node.Parameter;
import espalier.jinja.Symbols.Function;
import espalier.jinja.Symbols.Slot;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Compiles macros, and what is one in disguise: call blocks and generation blocks. */
final class MacroCompiler {
    private final Compiler compiler;

    MacroCompiler(Compiler compiler) {
        this.compiler = compiler;
    }

    Statement definition(Node.MacroDefinition node, Scope scope) {
        Macro.Definition definition = macro(node.name(), node.parameters(), node.body(), node.line(), scope);
        Assignment target = Assignment.to(new Node.Target.Variable(node.name(), node.line()), scope);
        return frame -> {
            target.assign(frame, new Macro(definition, frame));
            return Flow.NEXT;
        };
    }

    Statement callBlock(Node.CallBlock node, Scope scope) {
        Macro.Definition caller = macro(null, node.parameters(), node.body(), node.line(), scope);
        ExpressionCompiler expressions = new ExpressionCompiler(scope, compiler.depth());
        Code callee = expressions.compile(node.call().callee());
        ExpressionCompiler.Passed passed = expressions.arguments(node.call().arguments());
        return frame -> {
            Object function = callee.eval(frame);
            Arguments arguments = passed.eval(frame).with("caller", new Macro(caller, frame));
            frame.out.append(Compiler.text(ExpressionCompiler.call(frame.render, function, arguments)));
            return Flow.NEXT;
        };
    }

    Statement generation(Node.Generation node, Scope scope) {
        Macro.Definition body = macro(null, List.of(), node.body(), node.line(), scope);
        return frame -> {
            String text = (String) new Macro(body, frame).call(frame.render, Arguments.NONE);
            int start = frame.render.output.length();
            frame.render.generations.add(new int[] {start, start + text.length()});
            frame.out.append(text);
            return Flow.NEXT;
        };
    }

    private Macro.Definition macro(
            @Nullable String name, List<Parameter> parameters, List<Node> body, int line, Scope scope) {
        Function function = new Function(scope.function());
        Scope inner = scope.innerFunction(function);
        Symbols symbols = inner.symbols();
        Scoping.macro(symbols, parameters, body);
        Set<String> special = Scoping.undeclared(body, "caller", "kwargs", "varargs");
        List<String> names = parameters.stream().map(Parameter::name).toList();
        checkCaller(parameters, special, line);
        Integer caller = special(symbols, special, names, "caller");
        Integer namedRest = special(symbols, special, names, "kwargs");
        Integer rest = special(symbols, special, names, "varargs");
        int[] slots = names.stream()
                .mapToInt(parameter -> symbols.slot(parameter, line).index())
                .toArray();
        int[] outer = compiler.depth().open();
        Statement defaults = defaults(parameters, slots, inner);
        Statement entry = Entry.of(symbols);
        Statement code = compiler.bodyOf(body, inner);
        Statement all = frame -> {
            entry.run(frame);
            defaults.run(frame);
            return code.run(frame);
        };
        Routine routine = new Routine(function.size(), compiler.depth().close(outer), all);
        return new Macro.Definition(name, names, slots, caller, namedRest, rest, routine);
    }

    private static void checkCaller(List<Parameter> parameters, Set<String> special, int line) {
        for (Parameter parameter : parameters) {
            if (parameter.name().equals("caller") && special.contains("caller") && parameter.defaultValue() == null) {
                throw new TemplateException(
                        TemplateException.Kind.SYNTAX,
                        line,
                        "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.");
            }
        }
    }

    private static @Nullable Integer special(Symbols symbols, Set<String> used, List<String> parameters, String name) {
        if (!used.contains(name) || parameters.contains(name)) {
            return null;
        }
        Slot slot = symbols.declareParameter(name);
        return slot.index();
    }

    private Statement defaults(List<Parameter> parameters, int[] slots, Scope scope) {
        List<Statement> defaults = new ArrayList<>();
        for (int i = 0; i < slots.length; i++) {
            int slot = slots[i];
            Parameter parameter = parameters.get(i);
            Code value = parameter.defaultValue() == null
                    ? frame -> new Undefined("parameter " + PythonText.quoted(parameter.name()) + " was not provided")
                    : compiler.codeOf(parameter.defaultValue(), scope);
            defaults.add(frame -> {
                if (frame.slots[slot] == Missing.MISSING) {
                    frame.slots[slot] = value.eval(frame);
                }
                return Flow.NEXT;
            });
        }
        return frame -> {
            for (Statement statement : defaults) {
                statement.run(frame);
            }
            return Flow.NEXT;
        };
    }
}
