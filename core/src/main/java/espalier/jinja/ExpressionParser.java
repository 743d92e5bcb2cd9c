package espalier.jinja;

import espalier.jinja.Expression.Binary;
import espalier.jinja.Expression.Comparison;
import espalier.jinja.Expression.Unary;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Recursive descent over Jinja's expression grammar, loosest binding first: conditional, or, and, not, comparison, sum,
 * {@code ~}, product, power, sign, postfix and filter. Unlike in Python, a power associates to the left and binds looser than a
 * sign, and a filter binds tighter than a sign's operand's operators: {@code -1|abs} is {@code (-1)|abs}.
 */
final class ExpressionParser {
    /** How tall an expression may be: evaluation takes two or three stack frames for each level. */
    private static final int MAX_HEIGHT = 500;

    private final TokenStream stream;
    private final OperandParser operands;
    private int nesting;

    ExpressionParser(TokenStream stream) {
        this.stream = stream;
        this.operands = new OperandParser(stream, this);
    }

    /** Any expression but a tuple without parentheses. */
    Expression expression() {
        stream.enter();
        nesting++;
        int line = stream.line();
        Expression result = or();
        while (stream.takeName("if")) {
            Expression test = or();
            Expression otherwise = stream.takeName("else") ? expression() : null;
            result = new Expression.Conditional(test, result, otherwise, line);
            line = stream.line();
        }
        return finished(result);
    }

    /** An expression whose {@code if} belongs to the statement around it. */
    Expression withoutConditional() {
        stream.enter();
        nesting++;
        return finished(or());
    }

    /** Chains of operators nest without end though the parser does not: refuses them level by level, without recursion. */
    private Expression finished(Expression result) {
        stream.leave();
        if (--nesting > 0) {
            return result;
        }
        checkHeight(result);
        return result;
    }

    static void checkHeight(Expression top) {
        List<Expression> level = List.of(top);
        for (int height = 0; !level.isEmpty(); height++) {
            if (height > MAX_HEIGHT) {
                throw new TemplateException(TemplateException.Kind.LIMIT, top.line(), "an expression nests too deep");
            }
            List<Expression> below = new ArrayList<>();
            level.forEach(expression -> below.addAll(expression.children()));
            level = below;
        }
    }

    /** What a tuple without parentheses may consist of, and where it ends. */
    enum TupleStyle {
        ANY,
        WITHOUT_CONDITIONAL,
        PARENTHESIZED
    }

    Expression tuple(TupleStyle style) {
        int line = stream.line();
        List<Expression> items = new ArrayList<>();
        boolean isTuple = false;
        while (!atTupleEnd()) {
            items.add(style == TupleStyle.WITHOUT_CONDITIONAL ? withoutConditional() : expression());
            if (!stream.takeOperator(",")) {
                break;
            }
            isTuple = true;
            line = stream.line();
        }
        if (!isTuple && !items.isEmpty()) {
            return items.getFirst();
        }
        if (!isTuple && style != TupleStyle.PARENTHESIZED) {
            throw stream.error("Expected an expression, got " + stream.current().describe());
        }
        return new Expression.TupleLiteral(items, line);
    }

    boolean atTupleEnd() {
        return stream.at(Token.Kind.VARIABLE_END) || stream.at(Token.Kind.BLOCK_END) || stream.atOperator(")");
    }

    private Expression or() {
        int line = stream.line();
        Expression left = and();
        while (stream.takeName("or")) {
            left = new Expression.Or(left, and(), line);
            line = stream.line();
        }
        return left;
    }

    private Expression and() {
        int line = stream.line();
        Expression left = not();
        while (stream.takeName("and")) {
            left = new Expression.And(left, not(), line);
            line = stream.line();
        }
        return left;
    }

    private Expression not() {
        int line = stream.line();
        if (!stream.takeName("not")) {
            return compare();
        }
        stream.enter();
        Expression operand = not();
        stream.leave();
        return new Unary(Unary.Sign.NOT, operand, line);
    }

    private Expression compare() {
        int line = stream.line();
        Expression first = sum();
        List<Expression> operands = new ArrayList<>();
        List<Comparison> operators = new ArrayList<>();
        operands.add(first);
        for (Comparison operator = comparison(); operator != null; operator = comparison()) {
            operators.add(operator);
            operands.add(sum());
        }
        return operators.isEmpty() ? first : new Expression.Compare(operands, operators, line);
    }

    private @Nullable Comparison comparison() {
        if (stream.at(Token.Kind.OPERATOR)) {
            Comparison comparison = switch (stream.current().text()) {
                case "==" -> Comparison.EQUAL;
                case "!=" -> Comparison.NOT_EQUAL;
                case "<" -> Comparison.LESS;
                case "<=" -> Comparison.LESS_OR_EQUAL;
                case ">" -> Comparison.GREATER;
                case ">=" -> Comparison.GREATER_OR_EQUAL;
                default -> null;
            };
            if (comparison != null) {
                stream.take();
            }
            return comparison;
        }
        if (stream.takeName("in")) {
            return Comparison.IN;
        }
        if (stream.atName("not") && stream.following().isName("in")) {
            stream.take();
            stream.take();
            return Comparison.NOT_IN;
        }
        return null;
    }

    private Expression sum() {
        int line = stream.line();
        Expression left = concat();
        while (stream.atOperator("+") || stream.atOperator("-")) {
            boolean add = stream.take().text().equals("+");
            left = new Binary(add ? Binary.Operator.ADD : Binary.Operator.SUBTRACT, left, concat(), line);
            line = stream.line();
        }
        return left;
    }

    private Expression concat() {
        int line = stream.line();
        Expression first = product();
        if (!stream.atOperator("~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>();
        parts.add(first);
        while (stream.takeOperator("~")) {
            parts.add(product());
        }
        return new Expression.Concat(parts, line);
    }

    private Expression product() {
        int line = stream.line();
        Expression left = power();
        for (Binary.Operator operator = productOperator(); operator != null; operator = productOperator()) {
            stream.take();
            left = new Binary(operator, left, power(), line);
            line = stream.line();
        }
        return left;
    }

    private Binary.@Nullable Operator productOperator() {
        if (!stream.at(Token.Kind.OPERATOR)) {
            return null;
        }
        return switch (stream.current().text()) {
            case "*" -> Binary.Operator.MULTIPLY;
            case "/" -> Binary.Operator.DIVIDE;
            case "//" -> Binary.Operator.FLOOR_DIVIDE;
            case "%" -> Binary.Operator.MODULO;
            default -> null;
        };
    }

    private Expression power() {
        int line = stream.line();
        Expression left = operands.operand();
        while (stream.takeOperator("**")) {
            left = new Binary(Binary.Operator.POWER, left, operands.operand(), line);
            line = stream.line();
        }
        return left;
    }

    /** A filter's name and arguments, after the bar. */
    Expression.Filtered filter(Expression.@Nullable Filtered target) {
        return operands.filter(target);
    }
}
