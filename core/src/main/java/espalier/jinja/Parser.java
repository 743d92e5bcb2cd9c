package espalier.jinja;

import espalier.jinja.Expression.TupleLiteral;
import espalier.jinja.ExpressionParser.TupleStyle;
import espalier.jinja.Node.Parameter;
import espalier.jinja.Node.Target;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Recursive descent over the statements of a template. */
final class Parser {
    private static final Set<String> CONSTANTS = Set.of("true", "false", "none", "True", "False", "None");

    private final TokenStream stream;
    private final ExpressionParser expressions;
    /** The tags that are open, innermost first, for messages. */
    private final Deque<String> openTags = new ArrayDeque<>();

    private Parser(TokenStream stream) {
        this.stream = stream;
        this.expressions = new ExpressionParser(stream);
    }

    static List<Node> parse(String template) {
        return new Parser(new TokenStream(Lexer.tokens(template))).nodes(Set.of());
    }

    /** Nodes up to a block that starts with one of the names, which stays the current token, or to the end of the template. */
    private List<Node> nodes(Set<String> ends) {
        List<Node> nodes = new ArrayList<>();
        stream.enter();
        while (!stream.at(Token.Kind.END)) {
            Token token = stream.take();
            switch (token.kind()) {
                case DATA -> nodes.add(new Node.Text(token.text(), token.line()));
                case VARIABLE_BEGIN -> {
                    nodes.add(new Node.Print(expressions.tuple(TupleStyle.ANY), token.line()));
                    stream.expect(Token.Kind.VARIABLE_END);
                }
                default -> {
                    if (stream.at(Token.Kind.NAME)
                            && ends.contains(stream.current().text())) {
                        stream.leave();
                        return nodes;
                    }
                    nodes.addAll(statement());
                    stream.expect(Token.Kind.BLOCK_END);
                }
            }
        }
        if (!ends.isEmpty()) {
            throw stream.error("Unexpected end of template. Jinja was looking for the following tags: "
                    + String.join(
                            " or ",
                            ends.stream().sorted().map(end -> "'" + end + "'").toList())
                    + ". The innermost block that needs to be closed is '" + openTags.peek() + "'.");
        }
        stream.leave();
        return nodes;
    }

    /** The rest of an opening tag, and its body up to one of the names. */
    private List<Node> body(String... ends) {
        stream.takeOperator(":");
        stream.expect(Token.Kind.BLOCK_END);
        return nodes(Set.of(ends));
    }

    /** The body of a statement that ends in one way only; its closing name is taken. */
    private List<Node> closedBody(String end) {
        List<Node> body = body(end);
        stream.take();
        return body;
    }

    private List<Node> statement() {
        Token tag = stream.current();
        if (!tag.is(Token.Kind.NAME)) {
            throw stream.error("tag name expected");
        }
        stream.take();
        openTags.push(tag.text());
        List<Node> result = statement(tag);
        openTags.pop();
        return result;
    }

    private List<Node> statement(Token tag) {
        int line = tag.line();
        return switch (tag.text()) {
            case "if" -> List.of(ifStatement(line));
            case "for" -> List.of(forStatement(line));
            case "set" -> List.of(set(line));
            case "macro" -> List.of(macro(line));
            case "call" -> List.of(callBlock(line));
            case "filter" -> {
                Expression.Filtered filter = filterChain(null);
                yield List.of(new Node.FilterBlock(filter, closedBody("endfilter"), line));
            }
            case "with" -> List.of(with(line));
            case "block" -> List.of(block(line));
            case "generation" -> List.of(new Node.Generation(closedBody("endgeneration"), line));
            case "autoescape" -> List.of(autoescape(line));
            case "print" -> print(line);
            case "do" -> List.of(new Node.Do(expressions.tuple(TupleStyle.ANY), line));
            case "break" -> List.of(new Node.Break(line));
            case "continue" -> List.of(new Node.Continue(line));
            case "include", "import", "from", "extends" -> List.of(otherTemplate(tag));
            default -> throw unknownTag(tag);
        };
    }

    private TemplateException unknownTag(Token tag) {
        openTags.pop();
        String innermost = openTags.peek();
        return stream.error(
                tag.line(),
                "Encountered unknown tag '" + tag.text() + "'."
                        + (innermost == null
                                ? ""
                                : " The innermost block that needs to be closed is '" + innermost + "'."));
    }

    private Node ifStatement(int line) {
        Expression test = expressions.tuple(TupleStyle.WITHOUT_CONDITIONAL);
        List<Node> body = body("elif", "else", "endif");
        List<Node.If> elifs = new ArrayList<>();
        Token next = stream.take();
        while (next.isName("elif")) {
            int elifLine = stream.line();
            Expression elifTest = expressions.tuple(TupleStyle.WITHOUT_CONDITIONAL);
            elifs.add(new Node.If(elifTest, body("elif", "else", "endif"), List.of(), List.of(), elifLine));
            next = stream.take();
        }
        List<Node> otherwise = next.isName("else") ? closedBody("endif") : List.of();
        return new Node.If(test, body, elifs, otherwise, line);
    }

    private Node forStatement(int line) {
        Target target = target(false);
        stream.expectName("in");
        Expression iterable = expressions.tuple(TupleStyle.WITHOUT_CONDITIONAL);
        Expression test = stream.takeName("if") ? expressions.expression() : null;
        boolean recursive = stream.takeName("recursive");
        List<Node> body = body("endfor", "else");
        List<Node> otherwise = stream.take().isName("else") ? closedBody("endfor") : List.of();
        return new Node.For(target, iterable, test, recursive, body, otherwise, line);
    }

    private Node set(int line) {
        Target target = target(true);
        if (stream.takeOperator("=")) {
            return new Node.Assign(target, expressions.tuple(TupleStyle.ANY), line);
        }
        Expression.Filtered filter = stream.takeOperator("|") ? filterChain(null) : null;
        return new Node.AssignBlock(target, filter, closedBody("endset"), line);
    }

    /** One filter or several, after the first bar. */
    private Expression.Filtered filterChain(Expression.@Nullable Filtered start) {
        Expression.Filtered filter = expressions.filter(start);
        while (stream.takeOperator("|")) {
            filter = expressions.filter(filter);
        }
        ExpressionParser.checkHeight(filter);
        return filter;
    }

    private Node macro(int line) {
        String name = variable();
        List<Parameter> parameters = parameters();
        return new Node.MacroDefinition(name, parameters, closedBody("endmacro"), line);
    }

    private Node callBlock(int line) {
        List<Parameter> parameters = stream.atOperator("(") ? parameters() : List.of();
        if (!(expressions.expression() instanceof Expression.Call call)) {
            throw stream.error(line, "expected call");
        }
        return new Node.CallBlock(parameters, call, closedBody("endcall"), line);
    }

    private List<Parameter> parameters() {
        List<Parameter> parameters = new ArrayList<>();
        stream.expectOperator("(");
        boolean defaults = false;
        while (!stream.atOperator(")")) {
            if (!parameters.isEmpty()) {
                stream.expectOperator(",");
            }
            String name = variable();
            if (parameters.stream().anyMatch(other -> other.name().equals(name))) {
                throw stream.error("duplicate argument '" + name + "'");
            }
            Expression defaultValue = stream.takeOperator("=") ? expressions.expression() : null;
            if (defaultValue == null && defaults) {
                throw stream.error("non-default argument follows default argument");
            }
            defaults |= defaultValue != null;
            parameters.add(new Parameter(name, defaultValue));
        }
        stream.take();
        return parameters;
    }

    private String variable() {
        Token name = stream.expect(Token.Kind.NAME);
        return assignable(name).name();
    }

    private Target.Variable assignable(Token name) {
        if (CONSTANTS.contains(name.text())) {
            throw stream.error(name.line(), "can't assign to '" + name.text() + "'");
        }
        return new Target.Variable(name.text(), name.line());
    }

    private Target target(boolean withNamespace) {
        int line = stream.line();
        List<Target> targets = new ArrayList<>();
        boolean isTuple = false;
        while (!expressions.atTupleEnd()) {
            targets.add(singleTarget(withNamespace));
            if (!stream.takeOperator(",")) {
                break;
            }
            isTuple = true;
        }
        if (targets.isEmpty()) {
            throw stream.error("Expected an expression, got " + stream.current().describe());
        }
        return isTuple ? new Target.Unpacked(targets, line) : targets.getFirst();
    }

    private Target singleTarget(boolean withNamespace) {
        Token token = stream.current();
        if (token.is(Token.Kind.NAME)) {
            stream.take();
            if (!CONSTANTS.contains(token.text()) && withNamespace && stream.takeOperator(".")) {
                return new Target.Field(
                        token.text(), stream.expect(Token.Kind.NAME).text(), token.line());
            }
            return assignable(token);
        }
        if (!stream.takeOperator("(")) {
            throw stream.unexpected();
        }
        Expression inner = expressions.tuple(TupleStyle.PARENTHESIZED);
        stream.expectOperator(")");
        return target(inner);
    }

    private Target target(Expression expression) {
        return switch (expression) {
            case Expression.Name name -> new Target.Variable(name.name(), name.line());
            case TupleLiteral tuple ->
                new Target.Unpacked(tuple.items().stream().map(this::target).toList(), tuple.line());
            default -> throw stream.error(expression.line(), "can't assign to this expression");
        };
    }

    private Node with(int line) {
        List<Target> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!stream.at(Token.Kind.BLOCK_END)) {
            if (!targets.isEmpty()) {
                stream.expectOperator(",");
            }
            targets.add(target(false));
            stream.expectOperator("=");
            values.add(expressions.expression());
        }
        return new Node.With(targets, values, closedBody("endwith"), line);
    }

    private Node block(int line) {
        String name = stream.expect(Token.Kind.NAME).text();
        boolean scoped = stream.takeName("scoped");
        boolean required = stream.takeName("required");
        List<Node> body = closedBody("endblock");
        stream.takeName(name);
        return new Node.Block(name, scoped, required, body, line);
    }

    private Node autoescape(int line) {
        Expression on = expressions.expression();
        if (!(on instanceof Expression.Literal(Boolean value, int at)) || value) {
            throw stream.error(
                    line, "autoescape is not supported: chat templates are plain text; use the escape filter");
        }
        return new Node.Scope(closedBody("endautoescape"), line);
    }

    private List<Node> print(int line) {
        List<Node> prints = new ArrayList<>();
        while (!stream.at(Token.Kind.BLOCK_END)) {
            if (!prints.isEmpty()) {
                stream.expectOperator(",");
            }
            prints.add(new Node.Print(expressions.expression(), line));
        }
        return prints;
    }

    private Node otherTemplate(Token tag) {
        List<Expression> used = List.of(expressions.expression());
        List<String> stores = new ArrayList<>();
        if (tag.text().equals("import")) {
            stream.expectName("as");
            stores.add(variable());
        } else if (tag.text().equals("from")) {
            stream.expectName("import");
            importedNames(stores);
        } else if (stream.takeName("ignore")) {
            stream.expectName("missing");
        }
        if (stream.atName("with") || stream.atName("without")) {
            stream.take();
            stream.expectName("context");
        }
        String message =
                "'" + tag.text() + "' needs other templates, and a chat template stands alone: put the text in here";
        return new Node.Refused(message, used, stores, tag.line());
    }

    private void importedNames(List<String> stores) {
        do {
            if (stream.atName("with") && stream.following().isName("context")) {
                return;
            }
            String name = variable();
            stores.add(stream.takeName("as") ? variable() : name);
        } while (stream.takeOperator(","));
    }
}
