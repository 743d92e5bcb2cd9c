package espalier.cli;

import espalier.config.OptionReader;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One of the things that {@code espalier} does. */
interface Command {
    String name();

    String description();

    /** The record trees whose components are its flags. */
    List<Class<? extends Record>> flags();

    /** Whether it has a use for a flag of these trees; those that it has none for are unknown to it. */
    default boolean takes(OptionReader.Described flag) {
        return true;
    }

    /** Commands whose names follow its own. */
    default List<Command> subcommands() {
        return List.of();
    }

    /** What it takes besides flags, as the help shows it; null for nothing. */
    default @Nullable String arguments() {
        return null;
    }

    /** Runs it to its end; the result is the exit code. */
    int run(Terminal terminal, Typed typed) throws Exception;
}
