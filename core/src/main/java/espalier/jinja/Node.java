package espalier.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The syntax of statements. */
sealed interface Node {
    int line();

    record Text(String text, int line) implements Node {}

    record Print(Expression value, int line) implements Node {}

    /** Each of the elifs is an if without elifs of its own. */
    record If(Expression test, List<Node> body, List<If> elifs, List<Node> otherwise, int line) implements Node {}

    record For(
            Target target,
            Expression iterable,
            @Nullable Expression test,
            boolean recursive,
            List<Node> body,
            List<Node> otherwise,
            int line)
            implements Node {}

    record Assign(Target target, Expression value, int line) implements Node {}

    record AssignBlock(Target target, Expression.@Nullable Filtered filter, List<Node> body, int line)
            implements Node {}

    record MacroDefinition(String name, List<Parameter> parameters, List<Node> body, int line) implements Node {}

    record CallBlock(List<Parameter> parameters, Expression.Call call, List<Node> body, int line) implements Node {}

    record FilterBlock(Expression.Filtered filter, List<Node> body, int line) implements Node {}

    record With(List<Target> targets, List<Expression> values, List<Node> body, int line) implements Node {}

    record Block(String name, boolean scoped, boolean required, List<Node> body, int line) implements Node {}

    /** {@code generation}: text that the model is to be trained on. */
    record Generation(List<Node> body, int line) implements Node {}

    /** A scope of its own that does nothing else ({@code autoescape false}). */
    record Scope(List<Node> body, int line) implements Node {}

    record Do(Expression value, int line) implements Node {}

    record Break(int line) implements Node {}

    record Continue(int line) implements Node {}

    /** A statement that needs other templates: it fails when it is reached, as it does where no loader is configured. */
    record Refused(String message, List<Expression> expressions, List<String> stores, int line) implements Node {}

    /** A parameter of a macro. */
    record Parameter(String name, @Nullable Expression defaultValue) {}

    /** What a value can be assigned to. */
    sealed interface Target {
        int line();

        record Variable(String name, int line) implements Target {}

        record Unpacked(List<Target> targets, int line) implements Target {}

        /** {@code namespace.attribute}. */
        record Field(String namespace, String attribute, int line) implements Target {}
    }
}
