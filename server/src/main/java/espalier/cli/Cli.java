package espalier.cli;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.base.Nearest;
import espalier.serving.ServingOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Reads a command line, runs what it names, and turns what goes wrong into one line and an exit code. */
final class Cli {
    static final int OK = 0;
    static final int FAULT = 1;
    static final int USAGE = 2;

    private static final List<Command> COMMANDS =
            List.of(new Serve(), new Generate(), new Chat(), new BenchCommand(), new CheckEnv());

    private Cli() {}

    static int run(Terminal terminal, String... args) {
        for (Command command : COMMANDS) {
            if (args.length > 0 && args[0].equals(command.name())) {
                var words = List.of(args).subList(1, args.length);
                Optional<Typed> plain = PlainLine.read(command, words);
                if (plain.isPresent()) {
                    return run(command, plain.get(), terminal);
                }
            }
        }
        return runByPicocli(terminal, args);
    }

    private static int run(Command command, Typed typed, Terminal terminal) {
        try {
            return command.run(terminal, typed);
        } catch (Exception e) { // as picocli does
            return explain(e, terminal);
        }
    }

    private static int runByPicocli(Terminal terminal, String... args) {
        CommandSpec root = CommandSpec.create()
                .name("espalier")
                .addMixin("help", CommandSpec.forAnnotatedObject(new Help()))
                .versionProvider(() -> new String[] {"espalier " + version()});
        root.usageMessage()
                .description("Serves large language models from one Java process, OpenAI-compatible.")
                .footer("", "Begin with: espalier serve", "");
        add(root, COMMANDS, terminal, List.of(args));
        CommandLine line = new CommandLine(root)
                .setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8))
                .setErr(new PrintWriter(terminal.err(), true, StandardCharsets.UTF_8))
                .setParameterExceptionHandler((e, _) -> explain(e, terminal))
                .setExecutionExceptionHandler((e, _, _) -> explain(e, terminal));
        if (args.length == 0) {
            line.usage(terminal.out());
            return USAGE;
        }
        if (args[0].equals("help")) { // many tools have such a command
            String[] about = Arrays.copyOfRange(args, 1, args.length + 1);
            about[args.length - 1] = "--help";
            return line.execute(about);
        }
        return line.execute(args);
    }

    /** Describes the command that is named first, or all: the flags of all take a tenth of a second. */
    private static void add(CommandSpec above, List<Command> commands, Terminal terminal, List<String> args) {
        String word = args.isEmpty() ? "" : args.getFirst();
        boolean known = commands.stream().anyMatch(c -> c.name().equals(word));
        for (Command command : commands) {
            if (!known || command.name().equals(word)) {
                CommandSpec spec = Flags.spec(command, terminal);
                add(spec, command.subcommands(), terminal, known ? args.subList(1, args.size()) : List.of());
                above.addSubcommand(command.name(), spec);
            }
        }
    }

    static String version() {
        return ServingOptions.ownVersion();
    }

    private static int explain(ParameterException e, Terminal terminal) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        var message = new StringBuilder(
                String.valueOf(e.getMessage()).lines().findFirst().orElse("cannot read the command line"));
        if (e instanceof UnmatchedArgumentException unmatched) {
            String word = unmatched.getUnmatched().getFirst();
            CommandSpec spec = e.getCommandLine().getCommandSpec();
            var known = unmatched.isUnknownOption()
                    ? spec.optionsMap().keySet()
                    : spec.subcommands().keySet();
            message.setLength(0);
            message.append(unknown(word, unmatched.isUnknownOption() ? "flag" : "argument", known));
        }
        terminal.err().println(command + ": " + message + " (" + command + " --help lists the flags)");
        return USAGE;
    }

    private static String unknown(String word, String kind, Set<String> known) {
        String name = word.replaceFirst("=.*", "");
        return SglangFlags.refusal(name).orElseGet(() -> "unknown " + kind + " " + word + near(name, known));
    }

    /** To a word of one or two letters everything short is near. */
    private static String near(String word, Set<String> known) {
        boolean isShort = word.replaceFirst("^-+", "").length() < 3;
        return isShort
                ? ""
                : Nearest.to(word, known)
                        .map(near -> "; did you mean " + near + "?")
                        .orElse("");
    }

    /** Theirs and ours in one line; a stack trace only for what should not happen. */
    private static int explain(Exception e, Terminal terminal) {
        return switch (e) {
            case RequestRejected rejected -> {
                terminal.err().println("espalier: " + rejected.getMessage());
                yield USAGE;
            }
            case EngineFault fault
            when fault.code() != EngineFault.Code.INTERNAL -> {
                terminal.err().println("espalier: " + fault.getMessage());
                yield FAULT;
            }
            case IOException broken -> {
                terminal.err().println("espalier: " + broken.getMessage());
                yield FAULT;
            }
            default -> {
                terminal.err().println("espalier: unexpected failure, please report it:");
                e.printStackTrace(terminal.err());
                yield FAULT;
            }
        };
    }

    @CommandLine.Command(mixinStandardHelpOptions = true)
    static final class Help {}
}
