package espalier.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Optional;

/** The flags of SGLang that are not ours: people bring their command lines along. */
final class SglangFlags {
    private static final String FILE = "sglang-flags.txt"; // a name a line, and after a colon what to do instead

    private SglangFlags() {}

    /** What to say of {@code flag}; nothing where SGLang has no such flag either. */
    static Optional<String> refusal(String flag) {
        try (var in = new BufferedReader(new InputStreamReader(
                Objects.requireNonNull(SglangFlags.class.getResourceAsStream(FILE)), StandardCharsets.UTF_8))) {
            return in.lines()
                    .filter(line -> line.equals(flag) || line.startsWith(flag + ":"))
                    .findFirst()
                    .map(line -> flag + " is a flag of SGLang that Espalier does not have"
                            + (line.equals(flag) ? "; leave it out" : line.substring(flag.length())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
