package espalier.cli;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The command {@code espalier}. The environment is read here and nowhere else. */
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        var out = new PrintStream(
                new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8);
        var err =
                new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.err), true, StandardCharsets.UTF_8);
        String home = System.getProperty("espalier.home");
        OwnClasses.loadIfWanted();
        nameCuda(System.getenv("CUDA_HOME"));
        var terminal = new Terminal(
                out,
                err,
                System.in,
                Map.copyOf(System.getenv()),
                home == null ? null : Path.of(home),
                System.console());
        int code = run(terminal, args);
        out.flush();
        // Threads of the libraries may still be parked: the command is over when it says so.
        System.exit(code);
    }

    /** Where the CUDA device looks for its libraries first; a property that was given wins. */
    private static void nameCuda(@Nullable String folder) {
        if (folder != null && System.getProperty("espalier.cuda.home") == null) {
            System.setProperty("espalier.cuda.home", folder);
        }
    }

    /** The one catch-all of this thread: an Error here must not leave the engine's threads running without a command. */
    private static int run(Terminal terminal, String[] args) {
        try {
            return Cli.run(terminal, args);
        } catch (OutOfMemoryError e) {
            terminal.err()
                    .println("espalier: out of memory (" + e.getMessage() + "); give Java more with"
                            + " ESPALIER_JAVA_OPTS=-Xmx4g, or lower --max-total-tokens and --max-running-requests");
        } catch (Throwable e) {
            terminal.err().println("espalier: unexpected failure, please report it:");
            e.printStackTrace(terminal.err());
        }
        return Cli.FAULT;
    }
}
