package espalier.cli;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** The command {@code espalier}. The environment is read here and nowhere else. */
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        var out = new PrintStream(
                new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8);
        var err =
                new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.err), true, StandardCharsets.UTF_8);
        String home = System.getProperty("espalier.home");
        var terminal = new Terminal(
                out,
                err,
                System.in,
                Map.copyOf(System.getenv()),
                home == null ? null : Path.of(home),
                System.console());
        int code = Cli.run(terminal, args);
        out.flush();
        // Threads of the libraries may still be parked: the command is over when it says so.
        Runtime.getRuntime().halt(code);
    }
}
