package espalier.jinja;

import espalier.jinja.Node.Target;

/** Finds assignments to {@code loop} within a loop, which jinja2 refuses. */
final class LoopNames {
    private LoopNames() {}

    static boolean assigns(Node node) {
        boolean here = switch (node) {
            case Node.For loop -> isLoop(loop.target());
            case Node.Assign assign -> isLoop(assign.target());
            case Node.AssignBlock block -> isLoop(block.target());
            default -> false;
        };
        return here || Walk.bodies(node).stream().anyMatch(body -> body.stream().anyMatch(LoopNames::assigns));
    }

    private static boolean isLoop(Target target) {
        return switch (target) {
            case Target.Variable variable -> variable.name().equals("loop");
            case Target.Unpacked unpacked -> unpacked.targets().stream().anyMatch(LoopNames::isLoop);
            case Target.Field field -> false;
        };
    }
}
