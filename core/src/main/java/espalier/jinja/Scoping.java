package espalier.jinja;

import espalier.jinja.Node.Parameter;
import espalier.jinja.Node.Target;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Walks the syntax of one scope and tells {@link Symbols} which names it loads and stores, stopping at the scopes within. */
final class Scoping {
    private Symbols symbols;

    private Scoping(Symbols symbols) {
        this.symbols = symbols;
    }

    static void body(Symbols symbols, List<Node> body) {
        new Scoping(symbols).nodes(body);
    }

    static void expression(Symbols symbols, Expression expression) {
        new Scoping(symbols).expression(expression);
    }

    static void parameters(Symbols symbols, Target target) {
        switch (target) {
            case Target.Variable variable -> symbols.declareParameter(variable.name());
            case Target.Unpacked unpacked -> unpacked.targets().forEach(inner -> parameters(symbols, inner));
            case Target.Field field -> symbols.load(field.namespace());
        }
    }

    static void macro(Symbols symbols, List<Parameter> parameters, List<Node> body) {
        parameters.forEach(parameter -> symbols.declareParameter(parameter.name()));
        for (Parameter parameter : parameters) {
            if (parameter.defaultValue() != null) {
                expression(symbols, parameter.defaultValue());
            }
        }
        body(symbols, body);
    }

    private void nodes(List<Node> nodes) {
        nodes.forEach(this::node);
    }

    private void node(Node node) {
        switch (node) {
            case Node.Text text -> {}
            case Node.Print print -> expression(print.value());
            case Node.If branch -> branch(branch);
            case Node.For loop -> expression(loop.iterable());
            case Node.Assign assign -> {
                expression(assign.value());
                target(assign.target());
            }
            case Node.AssignBlock block -> target(block.target());
            case Node.MacroDefinition macro -> symbols.store(macro.name());
            case Node.CallBlock call -> expression(call.call());
            case Node.FilterBlock filter -> expression(filter.filter());
            case Node.With with -> with.values().forEach(this::expression);
            case Node.Block block -> {}
            case Node.Generation generation -> {}
            case Node.Scope scope -> {}
            case Node.Do statement -> expression(statement.value());
            case Node.Break exit -> {}
            case Node.Continue next -> {}
            case Node.Refused refused -> {
                refused.expressions().forEach(this::expression);
                refused.stores().forEach(symbols::store);
            }
        }
    }

    private void branch(Node.If branch) {
        expression(branch.test());
        Symbols original = symbols;
        List<Symbols> branches = new ArrayList<>();
        branches.add(within(original, branch.body()));
        symbols = original.copy();
        branch.elifs().forEach(this::branch);
        branches.add(symbols);
        branches.add(within(original, branch.otherwise()));
        symbols = original;
        symbols.merge(branches);
    }

    private Symbols within(Symbols original, List<Node> body) {
        symbols = original.copy();
        nodes(body);
        return symbols;
    }

    private void target(Target target) {
        switch (target) {
            case Target.Variable variable -> symbols.store(variable.name());
            case Target.Unpacked unpacked -> unpacked.targets().forEach(this::target);
            case Target.Field field -> symbols.load(field.namespace());
        }
    }

    private void expression(Expression expression) {
        if (expression instanceof Expression.Name name) {
            symbols.load(name.name());
        } else {
            expression.children().forEach(this::expression);
        }
    }

    /** Which of the names are used in the nodes, or in scopes within them, without being assigned before. */
    static Set<String> undeclared(List<Node> nodes, String... names) {
        Undeclared search = new Undeclared(Set.of(names));
        search.nodes(nodes);
        return search.found;
    }

    /** Unlike the walk above, this one enters every scope but blocks. */
    private static final class Undeclared {
        private final Set<String> sought;
        private final Set<String> found = new HashSet<>();

        Undeclared(Set<String> names) {
            this.sought = new HashSet<>(names);
        }

        void nodes(List<Node> nodes) {
            nodes.forEach(this::node);
        }

        private void node(Node node) {
            switch (node) {
                case Node.Text text -> {}
                case Node.Print print -> expression(print.value());
                case Node.If branch -> {
                    expression(branch.test());
                    nodes(branch.body());
                    branch.elifs().forEach(this::node);
                    nodes(branch.otherwise());
                }
                case Node.For loop -> {
                    target(loop.target());
                    expression(loop.iterable());
                    nodes(loop.body());
                    nodes(loop.otherwise());
                    optional(loop.test());
                }
                case Node.Assign assign -> {
                    target(assign.target());
                    expression(assign.value());
                }
                case Node.AssignBlock block -> {
                    target(block.target());
                    optional(block.filter());
                    nodes(block.body());
                }
                case Node.MacroDefinition macro -> macro(macro.parameters(), macro.body());
                case Node.CallBlock call -> {
                    expression(call.call());
                    macro(call.parameters(), call.body());
                }
                case Node.FilterBlock filter -> {
                    nodes(filter.body());
                    expression(filter.filter());
                }
                case Node.With with -> {
                    with.targets().forEach(this::target);
                    with.values().forEach(this::expression);
                    nodes(with.body());
                }
                case Node.Block block -> {}
                case Node.Generation generation -> nodes(generation.body());
                case Node.Scope scope -> nodes(scope.body());
                case Node.Do statement -> expression(statement.value());
                case Node.Break exit -> {}
                case Node.Continue next -> {}
                case Node.Refused refused -> refused.expressions().forEach(this::expression);
            }
        }

        private void macro(List<Parameter> parameters, List<Node> body) {
            parameters.forEach(parameter -> sought.remove(parameter.name()));
            parameters.forEach(parameter -> optional(parameter.defaultValue()));
            nodes(body);
        }

        private void target(Target target) {
            switch (target) {
                case Target.Variable variable -> sought.remove(variable.name());
                case Target.Unpacked unpacked -> unpacked.targets().forEach(this::target);
                case Target.Field field -> {}
            }
        }

        private void optional(@org.jspecify.annotations.Nullable Expression expression) {
            if (expression != null) {
                expression(expression);
            }
        }

        private void expression(Expression expression) {
            if (expression instanceof Expression.Name name) {
                if (sought.contains(name.name())) {
                    found.add(name.name());
                } else {
                    sought.remove(name.name());
                }
            } else {
                expression.children().forEach(this::expression);
            }
        }
    }
}
