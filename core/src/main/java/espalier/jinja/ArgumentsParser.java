package espalier.jinja;

import espalier.jinja.Expression.CallArguments;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What stands between the parentheses of one call: positional, {@code *}, named, {@code **}, in the order Python allows. */
final class ArgumentsParser {
    private final TokenStream stream;
    private final ExpressionParser expressions;
    private final List<Expression> positional = new ArrayList<>();
    private final List<String> names = new ArrayList<>();
    private final List<Expression> named = new ArrayList<>();
    private @Nullable Expression spread;
    private @Nullable Expression namedSpread;

    ArgumentsParser(TokenStream stream, ExpressionParser expressions) {
        this.stream = stream;
        this.expressions = expressions;
    }

    CallArguments parse() {
        int line = stream.expectOperator("(").line();
        while (!stream.atOperator(")")) {
            if (stream.takeOperator("*")) {
                ensure(spread == null && namedSpread == null, line);
                spread = expressions.expression();
            } else if (stream.takeOperator("**")) {
                ensure(namedSpread == null, line);
                namedSpread = expressions.expression();
            } else if (stream.at(Token.Kind.NAME) && stream.following().isOperator("=")) {
                ensure(namedSpread == null, line);
                named(stream.take());
            } else {
                ensure(spread == null && namedSpread == null && named.isEmpty(), line);
                positional.add(expressions.expression());
            }
            if (!stream.atOperator(")")) {
                stream.expectOperator(",");
            }
        }
        stream.take();
        return new CallArguments(positional, names, named, spread, namedSpread);
    }

    private void named(Token name) {
        if (names.contains(name.text())) {
            throw stream.error(name.line(), "keyword argument repeated: " + name.text());
        }
        stream.take();
        names.add(name.text());
        named.add(expressions.expression());
    }

    private void ensure(boolean allowed, int line) {
        if (!allowed) {
            throw stream.error(line, "invalid syntax for function call expression");
        }
    }
}
