package espalier.jinja;

import espalier.jinja.TemplateException.Kind;
import java.util.List;

/** The tokens under the parsers' shared cursor, and the depth to which they have nested. */
final class TokenStream {
    /** Levels of nesting of blocks and of expressions together; each costs the parser about fifteen stack frames. */
    private static final int MAX_DEPTH = 150;

    private final List<Token> tokens;
    private int next;
    private int depth;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(next);
    }

    Token following() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    Token take() {
        Token token = tokens.get(next);
        if (token.kind() != Token.Kind.END) {
            next++;
        }
        return token;
    }

    int line() {
        return current().line();
    }

    boolean at(Token.Kind kind) {
        return current().kind() == kind;
    }

    boolean atName(String name) {
        return current().isName(name);
    }

    boolean atOperator(String operator) {
        return current().isOperator(operator);
    }

    boolean takeName(String name) {
        boolean there = atName(name);
        if (there) {
            take();
        }
        return there;
    }

    boolean takeOperator(String operator) {
        boolean there = atOperator(operator);
        if (there) {
            take();
        }
        return there;
    }

    Token expect(Token.Kind kind) {
        if (!at(kind)) {
            throw expected(kind.description);
        }
        return take();
    }

    Token expectName(String name) {
        if (!atName(name)) {
            throw expected("'" + name + "'");
        }
        return take();
    }

    Token expectOperator(String operator) {
        if (!atOperator(operator)) {
            throw expected("'" + operator + "'");
        }
        return take();
    }

    TemplateException unexpected() {
        return error("unexpected " + current().describe());
    }

    private TemplateException expected(String what) {
        return error(
                at(Token.Kind.END)
                        ? "unexpected end of template, expected " + what
                        : "expected token " + what + ", got " + current().describe());
    }

    TemplateException error(String message) {
        return error(line(), message);
    }

    TemplateException error(int line, String message) {
        return new TemplateException(Kind.SYNTAX, line, message);
    }

    void enter() {
        if (++depth > MAX_DEPTH) {
            throw new TemplateException(Kind.LIMIT, line(), "the template nests deeper than " + MAX_DEPTH + " levels");
        }
    }

    void leave() {
        depth--;
    }
}
