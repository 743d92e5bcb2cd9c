package espalier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.config.Options;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class PlainLineTest {
    private static final int LINES = 4000;
    private static final List<String> WORDS = List.of(
            "--raw --verbose --raw=true --max-tokens --max-tokens=3 --max-tokens= --temperature --temperature=0.5 0 -1 - --"
                    .split(" "));
    private static final List<String> MORE = List.of(
            "",
            "@file",
            "Hello",
            "two words",
            "x=y",
            "--tp",
            "2",
            "--model-path",
            "--model-path=a=b",
            "--nothing",
            "-h",
            "--disable-radix-cache",
            "\"quoted\"",
            "${user.home}",
            "--help");

    /** What it was told last. */
    private static final class Probe implements Command {
        private final @Nullable String arguments;
        private @Nullable Typed told;

        Probe(@Nullable String arguments) {
            this.arguments = arguments;
        }

        @Override
        public String name() {
            return "probe";
        }

        @Override
        public String description() {
            return "Listens.";
        }

        @Override
        public @Nullable String arguments() {
            return arguments;
        }

        @Override
        public List<Class<? extends Record>> flags() {
            return List.of(Generate.Output.class, Sampling.class, Options.class);
        }

        @Override
        public int run(Terminal terminal, Typed typed) {
            told = typed;
            return Cli.OK;
        }
    }

    @Test
    void whatIsReadIsWhatPicocliReads() {
        var words = new ArrayList<>(WORDS);
        words.addAll(MORE);
        for (String arguments : new String[] {"PROMPT", null}) {
            var probe = new Probe(arguments);
            CommandLine picocli = picocli(probe);
            var random = new Random(7);
            int read = 0;
            for (int i = 0; i < LINES; i++) {
                var line = new ArrayList<String>();
                for (int n = random.nextInt(6); n > 0; n--) {
                    line.add(words.get(random.nextInt(words.size())));
                }
                Optional<Typed> plain = PlainLine.read(probe, line);
                if (plain.isPresent()) {
                    read++;
                    assertThat(picocli.execute(line.toArray(String[]::new)))
                            .as("%s", line)
                            .isEqualTo(Cli.OK);
                    assertThat(probe.told).as("%s", line).isEqualTo(plain.get());
                }
            }
            assertThat(read).isGreaterThan(LINES / 10);
        }
    }

    @Test
    void anUsualLineIsRead() {
        var line = List.of("--model-path", "m.gguf", "--raw", "--temperature=0", "Why", "is the sky blue?");
        assertThat(PlainLine.read(new Probe("PROMPT"), line))
                .contains(new Typed(
                        Map.of("--model-path", "m.gguf", "--raw", "true", "--temperature", "0"),
                        List.of("Why", "is the sky blue?")));
    }

    @Test
    void aFlagHasItsFirstNameWhicheverWasTyped() {
        assertThat(PlainLine.read(new Probe(null), List.of("--tensor-parallel-size", "2")))
                .isEqualTo(PlainLine.read(new Probe(null), List.of("--tp", "2")))
                .isPresent();
    }

    private static CommandLine picocli(Probe probe) {
        var nowhere = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
        var terminal = new Terminal(nowhere, nowhere, new ByteArrayInputStream(new byte[0]), Map.of(), null, null);
        return new CommandLine(Flags.spec(probe, terminal))
                .setOut(new PrintWriter(Writer.nullWriter()))
                .setErr(new PrintWriter(Writer.nullWriter()));
    }
}
