package espalier.jinja;

import espalier.jinja.Compiler.Scope;
import espalier.jinja.Expression.CallArguments;
import espalier.jinja.Expression.Comparison;
import espalier.jinja.Symbols.Slot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Compiles expressions of one scope. */
final class ExpressionCompiler {
    private static final Code NOTHING = frame -> None.NONE;

    private final Scope scope;
    private final Compiler.Depth depth;

    ExpressionCompiler(Scope scope, Compiler.Depth depth) {
        this.scope = scope;
        this.depth = depth;
    }

    /** Compiled arguments of a call. */
    interface Passed {
        Arguments eval(Frame frame);
    }

    Code compile(Expression expression) {
        depth.enter(Compiler.Depth.FRAMES_PER_OPERAND);
        Code code = code(expression);
        depth.leave(Compiler.Depth.FRAMES_PER_OPERAND);
        return code;
    }

    private Code[] compile(List<Expression> expressions) {
        return expressions.stream().map(this::compile).toArray(Code[]::new);
    }

    private Code optional(@Nullable Expression expression) {
        return expression == null ? NOTHING : compile(expression);
    }

    private Code code(Expression expression) {
        return switch (expression) {
            case Expression.Literal literal -> constant(literal.value());
            case Expression.Name name -> name(name);
            case Expression.ListLiteral list -> list(compile(list.items()));
            case Expression.TupleLiteral tuple -> tuple(compile(tuple.items()));
            case Expression.DictLiteral dict -> dict(compile(dict.keys()), compile(dict.values()));
            case Expression.Unary unary -> unary(unary);
            case Expression.Binary binary -> binary(binary.operator(), compile(binary.left()), compile(binary.right()));
            case Expression.And and -> and(compile(and.left()), compile(and.right()));
            case Expression.Or or -> or(compile(or.left()), compile(or.right()));
            case Expression.Concat concat -> concat(compile(concat.parts()));
            case Expression.Compare compare -> compare(compile(compare.operands()), compare.operators());
            case Expression.Conditional conditional ->
                new ExpressionCompiler(scope.soft(), depth).conditional(conditional);
            case Expression.Attribute attribute -> attribute(compile(attribute.target()), attribute.name());
            case Expression.Item item -> item(compile(item.target()), compile(item.index()));
            case Expression.Slice slice -> slice(slice);
            case Expression.Call call -> call(compile(call.callee()), arguments(call.arguments()));
            case Expression.Filtered filtered -> filtered(filtered, optional(filtered.target()));
            case Expression.Tested tested -> tested(tested);
        };
    }

    private static Code constant(Object value) {
        return frame -> value;
    }

    private static Code list(Code[] items) {
        return frame -> new ListValue(items(frame, items));
    }

    private static Code tuple(Code[] items) {
        return frame -> new Tuple(items(frame, items));
    }

    private static Code binary(Expression.Binary.Operator operator, Code left, Code right) {
        return frame -> Arithmetic.apply(frame.render, operator, left.eval(frame), right.eval(frame));
    }

    private static Code and(Code left, Code right) {
        return frame -> {
            Object value = left.eval(frame);
            return Types.truth(value) ? right.eval(frame) : value;
        };
    }

    private static Code or(Code left, Code right) {
        return frame -> {
            Object value = left.eval(frame);
            return Types.truth(value) ? value : right.eval(frame);
        };
    }

    private static Code attribute(Code target, String name) {
        return frame -> Attributes.attribute(frame.render, target.eval(frame), name);
    }

    private static Code item(Code target, Code index) {
        return frame -> Attributes.item(frame.render, target.eval(frame), index.eval(frame));
    }

    private static Code call(Code callee, Passed passed) {
        return frame -> call(frame.render, callee.eval(frame), passed.eval(frame));
    }

    private Code name(Expression.Name name) {
        Slot slot = scope.symbols().slot(name.name(), name.line());
        int index = slot.index();
        int distance = slot.distance(scope.function());
        String text = name.name();
        return frame -> {
            Object value = frame.outer(distance).slots[index];
            return value == Missing.MISSING ? Undefined.variable(text) : value;
        };
    }

    private static List<Object> items(Frame frame, Code[] codes) {
        frame.render.spend(codes.length);
        List<Object> items = new ArrayList<>(codes.length);
        for (Code code : codes) {
            items.add(code.eval(frame));
        }
        return items;
    }

    private static Code dict(Code[] keys, Code[] values) {
        return frame -> {
            frame.render.spend(keys.length);
            Dict dict = new Dict(keys.length);
            for (int i = 0; i < keys.length; i++) {
                dict.put(keys[i].eval(frame), values[i].eval(frame));
            }
            return dict;
        };
    }

    private Code unary(Expression.Unary unary) {
        Code operand = compile(unary.operand());
        return switch (unary.operator()) {
            case NOT -> frame -> !Types.truth(operand.eval(frame));
            case MINUS -> frame -> Arithmetic.negate(operand.eval(frame));
            case PLUS -> frame -> Arithmetic.plus(operand.eval(frame));
        };
    }

    private static Code concat(Code[] parts) {
        return frame -> {
            Text text = new Text(frame.render);
            for (Object value : items(frame, parts)) {
                text.append(PythonText.str(frame.render, value));
            }
            return text.toString();
        };
    }

    private static Code compare(Code[] operands, List<Comparison> operators) {
        return frame -> {
            Object left = operands[0].eval(frame);
            for (int i = 0; i < operators.size(); i++) {
                Object right = operands[i + 1].eval(frame);
                if (!Tests.compare(frame.render, operators.get(i), left, right)) {
                    return false;
                }
                left = right;
            }
            return true;
        };
    }

    private Code conditional(Expression.Conditional conditional) {
        Code test = compile(conditional.test());
        Code then = compile(conditional.then());
        int line = conditional.line();
        Code otherwise = conditional.otherwise() != null
                ? compile(conditional.otherwise())
                : frame -> new Undefined("the inline if-expression on line " + line
                        + " evaluated to false and no else section was defined.");
        return frame -> Types.truth(test.eval(frame)) ? then.eval(frame) : otherwise.eval(frame);
    }

    private Code slice(Expression.Slice slice) {
        Code target = compile(slice.target());
        Code start = optional(slice.start());
        Code stop = optional(slice.stop());
        Code step = optional(slice.step());
        return frame -> Sequences.slice(
                frame.render, target.eval(frame), start.eval(frame), stop.eval(frame), step.eval(frame));
    }

    static Object call(Render render, Object function, Arguments arguments) {
        if (function instanceof Callable callable) {
            return callable.call(render, arguments);
        }
        throw function instanceof Undefined undefined
                ? undefined.failure()
                : Failure.of("'" + Types.name(function) + "' object is not callable");
    }

    Passed arguments(CallArguments arguments) {
        Code[] positional = compile(arguments.positional());
        Code[] named = compile(arguments.named());
        List<String> names = arguments.names();
        Expression spread = arguments.spread();
        Expression namedSpread = arguments.namedSpread();
        if (spread != null || namedSpread != null) {
            return spread(positional, names, named, spread, namedSpread);
        }
        if (named.length == 0) {
            return positional.length == 0
                    ? frame -> Arguments.NONE
                    : frame -> new Arguments(items(frame, positional), Map.of());
        }
        return frame -> new Arguments(items(frame, positional), named(frame, names, named));
    }

    private static Map<String, Object> named(Frame frame, List<String> names, Code[] named) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < named.length; i++) {
            values.put(names.get(i), named[i].eval(frame));
        }
        return values;
    }

    private Passed spread(
            Code[] positional,
            List<String> names,
            Code[] named,
            @Nullable Expression spread,
            @Nullable Expression namedSpread) {
        Code more = spread == null ? frame -> Tuple.of() : compile(spread);
        Code moreNamed = namedSpread == null ? frame -> new Dict() : compile(namedSpread);
        return frame -> {
            List<Object> all = items(frame, positional);
            all.addAll(Sequences.list(frame.render, more.eval(frame)));
            Arguments arguments = new Arguments(all, named(frame, names, named));
            if (!(moreNamed.eval(frame) instanceof Dict dict)) {
                throw Failure.of("argument after ** must be a mapping");
            }
            for (Dict.Entry entry : dict.entries()) {
                if (Types.text(entry.key()) == null) {
                    throw Failure.of("keywords must be strings");
                }
                arguments = arguments.with(TextMethods.text(entry.key()), entry.value());
            }
            return arguments;
        };
    }

    private Code filtered(Expression.Filtered filtered, Code target) {
        Passed passed = arguments(filtered.arguments());
        Filters.Filter filter = filter(filtered);
        return frame -> filter.apply(frame.render, target.eval(frame), passed.eval(frame));
    }

    private Filters.Filter filter(Expression.Filtered filtered) {
        String name = filtered.name();
        Filters.Filter filter = Filters.all().get(name);
        if (filter != null) {
            return filter;
        }
        if (!scope.conditional()) {
            throw new TemplateException(
                    TemplateException.Kind.SYNTAX, filtered.line(), "No filter named '" + name + "'.");
        }
        return (render, value, arguments) -> {
            throw Failure.of("No filter named '" + name + "' found.");
        };
    }

    /** A chain of filters whose innermost takes the text of a block. */
    Compiler.Capture filterOfText(Expression.Filtered filtered) {
        Compiler.Capture inner =
                filtered.target() instanceof Expression.Filtered target ? filterOfText(target) : (frame, text) -> text;
        Passed passed = arguments(filtered.arguments());
        Filters.Filter filter = filter(filtered);
        return (frame, text) -> filter.apply(frame.render, inner.apply(frame, text), passed.eval(frame));
    }

    private Code tested(Expression.Tested tested) {
        Code target = compile(tested.target());
        Passed passed = arguments(tested.arguments());
        String name = tested.name();
        Tests.Test test = Tests.all().get(name);
        if (test == null && !scope.conditional()) {
            throw new TemplateException(TemplateException.Kind.SYNTAX, tested.line(), "No test named '" + name + "'.");
        }
        if (test == null) {
            return frame -> {
                throw Failure.of("No test named '" + name + "' found.");
            };
        }
        return frame -> test.holds(frame.render, target.eval(frame), passed.eval(frame));
    }
}
