package espalier.cli;

import espalier.chat.TextEngine;
import espalier.config.Options;
import espalier.load.Turns;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code bench turns}: batches that another program asks for. */
final class BenchTurns implements Command {

    @Override
    public String name() {
        return "turns";
    }

    @Override
    public String description() {
        return "Measure batches in this process that another program asks for, a line of JSON each; see bench/peers.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(Loading.ModelFlags.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        Logs.install(terminal, "warning");
        try (TextEngine engine = Loading.load(typed.as(Options.class), terminal)) {
            var lines = new BufferedReader(new InputStreamReader(terminal.in(), StandardCharsets.UTF_8));
            new Turns(engine.engine()).run(lines, terminal.out());
        }
        return Cli.OK;
    }
}
