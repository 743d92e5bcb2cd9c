package espalier.cli;

import java.io.Console;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What surrounds a command.
 *
 * @param home the folder that Espalier lies in, if the launcher said so
 * @param console null where input and output are not both a terminal
 */
record Terminal(
        PrintStream out,
        PrintStream err,
        InputStream in,
        Map<String, String> environment,
        @Nullable Path home,
        @Nullable Console console) {

    /** A person is watching, so progress may be drawn and colours used. */
    boolean isInteractive() {
        return console != null && console.isTerminal() && !"dumb".equals(environment.get("TERM"));
    }

    boolean hasColour() {
        return isInteractive() && !environment.containsKey("NO_COLOR");
    }
}
