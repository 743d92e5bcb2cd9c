package espalier.cli;

import espalier.api.RequestRejected;
import java.util.List;
import java.util.stream.Collectors;

/** Measures. Each benchmark is a command of its own below this one, with its own flags. */
final class BenchCommand implements Command {

    @Override
    public String name() {
        return "bench";
    }

    @Override
    public String description() {
        return "Measure speed or quality; each benchmark has its own flags: espalier bench serving --help.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of();
    }

    @Override
    public List<Command> subcommands() {
        return List.of(new BenchOneBatch(), new BenchOffline(), new BenchServing(), new BenchTurns(), new Quality());
    }

    @Override
    public int run(Terminal terminal, Typed typed) {
        throw RequestRejected.invalid(
                "bench",
                "bench needs the name of a benchmark: "
                        + subcommands().stream().map(Command::name).collect(Collectors.joining(", ")));
    }
}
