package espalier.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** One of the things that {@code espalier} does. */
interface Command {
    String name();

    String description();

    /** The record trees whose components are its flags. */
    List<Class<? extends Record>> flags();

    /** What it takes besides flags, as the help shows it; null for nothing. */
    default @Nullable String arguments() {
        return null;
    }

    /** Runs it to its end; the result is the exit code. */
    int run(Terminal terminal, Typed typed) throws Exception;
}
