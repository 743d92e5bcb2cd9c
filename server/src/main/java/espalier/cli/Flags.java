package espalier.cli;

import espalier.config.OptionReader;
import java.lang.reflect.RecordComponent;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Makes picocli's description of a command out of the record trees that carry its flags. */
final class Flags {

    private Flags() {}

    static CommandSpec spec(Command command, Terminal terminal) {
        var typed = new CommandSpec[1];
        Callable<Integer> body = () -> command.run(terminal, typed(command, typed[0]));
        CommandSpec spec = CommandSpec.wrapWithoutInspection(body).name(command.name());
        typed[0] = spec;
        spec.addMixin("help", CommandSpec.forAnnotatedObject(new Cli.Help()));
        spec.usageMessage()
                .description(command.description())
                .sortOptions(false)
                .width(110)
                .abbreviateSynopsis(true);
        String arguments = command.arguments();
        if (arguments != null) {
            spec.addPositional(PositionalParamSpec.builder()
                    .paramLabel(arguments)
                    .arity("0..*")
                    .type(List.class)
                    .auxiliaryTypes(String.class)
                    .build());
        }
        for (Class<? extends Record> tree : command.flags()) {
            addTree(spec, tree, command);
        }
        return spec;
    }

    private static void addTree(CommandSpec spec, Class<? extends Record> tree, Command command) {
        boolean nested = false;
        for (RecordComponent c : tree.getRecordComponents()) {
            if (c.getType().isRecord()) {
                nested = true;
                addTree(spec, c.getType().asSubclass(Record.class), command);
            }
        }
        if (nested) {
            return;
        }
        ArgGroupSpec.Builder group =
                ArgGroupSpec.builder().validate(false).exclusive(false).heading("%n" + heading(tree) + "%n");
        OptionReader.flags(tree).stream().filter(command::takes).forEach(flag -> group.addArg(option(flag)));
        spec.addArgGroup(group.build());
    }

    /** The name of a record of flags, without the command's that it is only for. */
    private static String heading(Class<? extends Record> tree) {
        return tree.getSimpleName().replaceFirst("^Bench(?=[A-Z])", "");
    }

    private static OptionSpec option(OptionReader.Described described) {
        var flag = described.flag();
        OptionSpec.Builder option = OptionSpec.builder(flag.value());
        String help = flag.help();
        if (described.isSwitch()) {
            return option.type(boolean.class)
                    .arity("0")
                    .description(escape(help))
                    .build();
        }
        if (!described.choices().isEmpty()) {
            help += " One of " + String.join(", ", described.choices()) + ".";
        }
        if (!flag.byDefault().isEmpty()) {
            help += " Default: " + flag.byDefault() + ".";
        }
        return option.type(String.class)
                .arity("1")
                .paramLabel(label(described))
                .description(escape(help))
                .build();
    }

    private static String escape(String help) {
        return help.replace("%", "%%");
    }

    private static String label(OptionReader.Described described) {
        if (!described.flag().label().isEmpty()) {
            return described.flag().label();
        }
        if (described.type().isEnum()) {
            return "CHOICE";
        }
        return described.name().substring(2).replace('-', '_').toUpperCase(java.util.Locale.ROOT);
    }

    private static Typed typed(Command command, CommandSpec spec) {
        CommandLine.ParseResult result = spec.commandLine().getParseResult();
        var values = new HashMap<String, String>();
        for (Class<? extends Record> tree : command.flags()) {
            for (OptionReader.Described flag : OptionReader.flags(tree)) {
                if (result.hasMatchedOption(flag.name())) {
                    Object value = result.matchedOptionValue(flag.name(), (Object) "");
                    values.put(flag.name(), String.valueOf(value));
                }
            }
        }
        List<String> arguments =
                command.arguments() == null ? List.of() : result.matchedPositionalValue(0, List.<String>of());
        return new Typed(values, List.copyOf(arguments));
    }
}
