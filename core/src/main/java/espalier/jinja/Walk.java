package espalier.jinja;

import java.util.List;

/** The statements within a statement. */
final class Walk {
    private Walk() {}

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
