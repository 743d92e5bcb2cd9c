package espalier.jinja;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Looks for things in the syntax of a template. */
final class Walk {
    private Walk() {}

    /** Every loop, however deep. */
    static Stream<Node.For> loops(List<Node> nodes) {
        return nodes.stream().flatMap(node -> {
            Stream<Node.For> inner = bodies(node).stream().flatMap(Walk::loops);
            return node instanceof Node.For loop ? Stream.concat(Stream.of(loop), inner) : inner;
        });
    }

    /** Whether an expression is {@code variable.attribute} under filters, tests and slices. */
    static boolean reads(@Nullable Expression expression, String variable, String attribute) {
        return switch (expression) {
            case Expression.Filtered filtered -> reads(filtered.target(), variable, attribute);
            case Expression.Tested tested -> reads(tested.target(), variable, attribute);
            case Expression.Slice slice -> reads(slice.target(), variable, attribute);
            case Expression.Attribute(Expression.Name(String name, int at), String key, int line) ->
                name.equals(variable) && key.equals(attribute);
            case Expression.Item(
                    Expression.Name(String name, int at),
                    Expression.Literal(String key, int keyLine),
                    int line) -> name.equals(variable) && key.equals(attribute);
            case null, default -> false;
        };
    }

    /** The statements within a statement. */
    static List<List<Node>> bodies(Node node) {
        return switch (node) {
            case Node.If branch -> {
                List<List<Node>> bodies = new java.util.ArrayList<>();
                bodies.add(branch.body());
                branch.elifs().forEach(elif -> bodies.add(elif.body()));
                bodies.add(branch.otherwise());
                yield bodies;
            }
            case Node.For loop -> List.of(loop.body(), loop.otherwise());
            case Node.AssignBlock block -> List.of(block.body());
            case Node.MacroDefinition macro -> List.of(macro.body());
            case Node.CallBlock call -> List.of(call.body());
            case Node.FilterBlock filter -> List.of(filter.body());
            case Node.With with -> List.of(with.body());
            case Node.Block block -> List.of(block.body());
            case Node.Generation generation -> List.of(generation.body());
            case Node.Scope scope -> List.of(scope.body());
            case Node.Text text -> List.of();
            case Node.Print print -> List.of();
            case Node.Assign assign -> List.of();
            case Node.Do statement -> List.of();
            case Node.Break exit -> List.of();
            case Node.Continue next -> List.of();
            case Node.Refused refused -> List.of();
        };
    }
}
