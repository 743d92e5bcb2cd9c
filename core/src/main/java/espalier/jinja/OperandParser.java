package espalier.jinja;

import espalier.jinja.Expression.Call;
import espalier.jinja.Expression.CallArguments;
import espalier.jinja.Expression.Filtered;
import espalier.jinja.Expression.Unary;
import espalier.jinja.ExpressionParser.TupleStyle;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parses operands: literals, names and what is in brackets, with the signs before and the postfixes, filters and tests after. */
final class OperandParser {
    private static final Set<Token.Kind> ARGUMENT_STARTS =
            Set.of(Token.Kind.NAME, Token.Kind.STRING, Token.Kind.INTEGER, Token.Kind.FLOAT);

    private final TokenStream stream;
    private final ExpressionParser expressions;

    OperandParser(TokenStream stream, ExpressionParser expressions) {
        this.stream = stream;
        this.expressions = expressions;
    }

    Expression operand() {
        return filters(signed());
    }

    private Expression signed() {
        int line = stream.line();
        if (stream.atOperator("-") || stream.atOperator("+")) {
            boolean minus = stream.take().text().equals("-");
            stream.enter();
            Expression operand = signed();
            stream.leave();
            return postfix(new Unary(minus ? Unary.Sign.MINUS : Unary.Sign.PLUS, operand, line));
        }
        return postfix(primary());
    }

    private Expression primary() {
        Token token = stream.current();
        return switch (token.kind()) {
            case NAME -> named(stream.take());
            case STRING -> string();
            case INTEGER, FLOAT -> new Expression.Literal(Numbers.literal(stream.take()), token.line());
            case OPERATOR ->
                switch (token.text()) {
                    case "(" -> parenthesized();
                    case "[" -> list();
                    case "{" -> dict();
                    default -> throw stream.unexpected();
                };
            case DATA, VARIABLE_BEGIN, VARIABLE_END, BLOCK_BEGIN, BLOCK_END, END -> throw stream.unexpected();
        };
    }

    private static Expression named(Token token) {
        return switch (token.text()) {
            case "true", "True" -> new Expression.Literal(true, token.line());
            case "false", "False" -> new Expression.Literal(false, token.line());
            case "none", "None" -> new Expression.Literal(None.NONE, token.line());
            default -> new Expression.Name(token.text(), token.line());
        };
    }

    private Expression string() {
        int line = stream.line();
        String text = stream.take().text();
        if (!stream.at(Token.Kind.STRING)) {
            return new Expression.Literal(text, line);
        }
        StringBuilder joined = new StringBuilder(text);
        while (stream.at(Token.Kind.STRING)) {
            joined.append(stream.take().text());
        }
        return new Expression.Literal(joined.toString(), line);
    }

    private Expression parenthesized() {
        stream.take();
        stream.enter();
        Expression inner = expressions.tuple(TupleStyle.PARENTHESIZED);
        stream.leave();
        stream.expectOperator(")");
        return inner;
    }

    private Expression list() {
        int line = stream.take().line();
        List<Expression> items = new ArrayList<>();
        while (!stream.atOperator("]")) {
            items.add(expressions.expression());
            if (!stream.atOperator("]")) {
                stream.expectOperator(",");
            }
        }
        stream.take();
        return new Expression.ListLiteral(items, line);
    }

    private Expression dict() {
        int line = stream.take().line();
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!stream.atOperator("}")) {
            keys.add(expressions.expression());
            stream.expectOperator(":");
            values.add(expressions.expression());
            if (!stream.atOperator("}")) {
                stream.expectOperator(",");
            }
        }
        stream.take();
        return new Expression.DictLiteral(keys, values, line);
    }

    private Expression postfix(Expression start) {
        Expression result = start;
        while (stream.at(Token.Kind.OPERATOR)) {
            switch (stream.current().text()) {
                case "." -> result = attribute(result);
                case "[" -> result = subscript(result);
                case "(" -> result = call(result);
                default -> {
                    return result;
                }
            }
        }
        return result;
    }

    private Expression attribute(Expression target) {
        int line = stream.take().line();
        Token name = stream.take();
        return switch (name.kind()) {
            case NAME -> new Expression.Attribute(target, name.text(), line);
            case INTEGER -> new Expression.Item(target, new Expression.Literal(Numbers.literal(name), line), line);
            default -> throw stream.error(name.line(), "expected name or number");
        };
    }

    private Expression subscript(Expression target) {
        int line = stream.take().line();
        List<Expression> items = new ArrayList<>();
        while (!stream.atOperator("]")) {
            if (!items.isEmpty()) {
                stream.expectOperator(",");
            }
            Expression start = stream.atOperator(":") ? null : expressions.expression();
            if (stream.atOperator(":")) {
                return slice(target, start, line, items.isEmpty());
            }
            items.add(Objects.requireNonNull(start));
        }
        stream.take();
        return new Expression.Item(
                target, items.size() == 1 ? items.getFirst() : new Expression.TupleLiteral(items, line), line);
    }

    private Expression slice(Expression target, @Nullable Expression start, int line, boolean alone) {
        stream.take();
        Expression stop = stream.atOperator(":") || stream.atOperator("]") ? null : expressions.expression();
        Expression step = null;
        if (stream.takeOperator(":") && !stream.atOperator("]")) {
            step = expressions.expression();
        }
        if (!alone || !stream.atOperator("]")) {
            throw stream.error("a slice cannot be combined with other subscripts");
        }
        stream.take();
        return new Expression.Slice(target, start, stop, step, line);
    }

    private Call call(Expression callee) {
        int line = stream.line();
        return new Call(callee, arguments(), line);
    }

    CallArguments arguments() {
        return new ArgumentsParser(stream, expressions).parse();
    }

    private Expression filters(Expression start) {
        Expression result = start;
        while (true) {
            if (stream.takeOperator("|")) {
                result = filter(result);
            } else if (stream.atName("is")) {
                result = test(result);
            } else if (stream.atOperator("(")) {
                result = call(result);
            } else {
                return result;
            }
        }
    }

    /** A filter's name and arguments, after the bar. */
    Filtered filter(@Nullable Expression target) {
        int line = stream.line();
        String name = dottedName();
        return new Filtered(target, name, stream.atOperator("(") ? arguments() : CallArguments.NONE, line);
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(stream.expect(Token.Kind.NAME).text());
        while (stream.takeOperator(".")) {
            name.append('.').append(stream.expect(Token.Kind.NAME).text());
        }
        return name.toString();
    }

    private Expression test(Expression target) {
        int line = stream.take().line();
        boolean negated = stream.takeName("not");
        String name = dottedName();
        Expression test = new Expression.Tested(target, name, testArguments(), line);
        return negated ? new Unary(Unary.Sign.NOT, test, line) : test;
    }

    private CallArguments testArguments() {
        if (stream.atOperator("(")) {
            return arguments();
        }
        boolean starts =
                ARGUMENT_STARTS.contains(stream.current().kind()) || stream.atOperator("[") || stream.atOperator("{");
        if (!starts || stream.atName("else") || stream.atName("or") || stream.atName("and")) {
            return CallArguments.NONE;
        }
        if (stream.atName("is")) {
            throw stream.error("You cannot chain multiple tests with is");
        }
        return new CallArguments(List.of(postfix(primary())), List.of(), List.of(), null, null);
    }
}
