package espalier.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The syntax of expressions. */
sealed interface Expression {
    int line();

    /** A constant: a string, a number, true, false or none. */
    record Literal(Object value, int line) implements Expression {}

    record Name(String name, int line) implements Expression {}

    record ListLiteral(List<Expression> items, int line) implements Expression {}

    record TupleLiteral(List<Expression> items, int line) implements Expression {}

    record DictLiteral(List<Expression> keys, List<Expression> values, int line) implements Expression {}

    record Unary(Sign operator, Expression operand, int line) implements Expression {
        enum Sign {
            NOT,
            MINUS,
            PLUS
        }
    }

    record Binary(Operator operator, Expression left, Expression right, int line) implements Expression {
        enum Operator {
            ADD,
            SUBTRACT,
            MULTIPLY,
            DIVIDE,
            FLOOR_DIVIDE,
            MODULO,
            POWER
        }
    }

    record And(Expression left, Expression right, int line) implements Expression {}

    record Or(Expression left, Expression right, int line) implements Expression {}

    /** {@code a ~ b ~ c}. */
    record Concat(List<Expression> parts, int line) implements Expression {}

    /** {@code a < b <= c}: one operator less than operands. */
    record Compare(List<Expression> operands, List<Comparison> operators, int line) implements Expression {}

    enum Comparison {
        EQUAL,
        NOT_EQUAL,
        LESS,
        LESS_OR_EQUAL,
        GREATER,
        GREATER_OR_EQUAL,
        IN,
        NOT_IN
    }

    /** {@code then if test else otherwise}. */
    record Conditional(
            Expression test, Expression then, @Nullable Expression otherwise, int line) implements Expression {}

    /** {@code target.name}. */
    record Attribute(Expression target, String name, int line) implements Expression {}

    /** {@code target[index]}. */
    record Item(Expression target, Expression index, int line) implements Expression {}

    /** {@code target[start:stop:step]}. */
    record Slice(
            Expression target,
            @Nullable Expression start,
            @Nullable Expression stop,
            @Nullable Expression step,
            int line)
            implements Expression {}

    record Call(Expression callee, CallArguments arguments, int line) implements Expression {}

    /** {@code target | name(arguments)}; without a target it filters the text of its block. */
    record Filtered(@Nullable Expression target, String name, CallArguments arguments, int line)
            implements Expression {}

    /** {@code target is name(arguments)}. */
    record Tested(Expression target, String name, CallArguments arguments, int line) implements Expression {}

    /**
     * What stands between the parentheses of a call.
     *
     * @param spread the expression after {@code *}
     * @param namedSpread the expression after {@code **}
     */
    record CallArguments(
            List<Expression> positional,
            List<String> names,
            List<Expression> named,
            @Nullable Expression spread,
            @Nullable Expression namedSpread) {
        static final CallArguments NONE = new CallArguments(List.of(), List.of(), List.of(), null, null);

        List<Expression> children() {
            List<Expression> all = new ArrayList<>(positional);
            all.addAll(named);
            addPresent(all, spread);
            addPresent(all, namedSpread);
            return all;
        }
    }

    /** The expressions right below this one, in order of evaluation. */
    default List<Expression> children() {
        return switch (this) {
            case Literal literal -> List.of();
            case Name name -> List.of();
            case ListLiteral list -> list.items;
            case TupleLiteral tuple -> tuple.items;
            case DictLiteral dict -> joined(dict.keys, dict.values);
            case Unary unary -> List.of(unary.operand);
            case Binary binary -> List.of(binary.left, binary.right);
            case And and -> List.of(and.left, and.right);
            case Or or -> List.of(or.left, or.right);
            case Concat concat -> concat.parts;
            case Compare compare -> compare.operands;
            case Conditional conditional -> present(conditional.test, conditional.then, conditional.otherwise);
            case Attribute attribute -> List.of(attribute.target);
            case Item item -> List.of(item.target, item.index);
            case Slice slice -> present(slice.target, slice.start, slice.stop, slice.step);
            case Call call -> joined(List.of(call.callee), call.arguments.children());
            case Filtered filtered -> joined(present(filtered.target), filtered.arguments.children());
            case Tested tested -> joined(List.of(tested.target), tested.arguments.children());
        };
    }

    private static List<Expression> joined(List<Expression> first, List<Expression> second) {
        List<Expression> all = new ArrayList<>(first);
        all.addAll(second);
        return all;
    }

    private static List<Expression> present(@Nullable Expression... expressions) {
        List<Expression> all = new ArrayList<>(expressions.length);
        for (Expression expression : expressions) {
            addPresent(all, expression);
        }
        return all;
    }

    private static void addPresent(List<Expression> all, @Nullable Expression expression) {
        if (expression != null) {
            all.add(expression);
        }
    }
}
