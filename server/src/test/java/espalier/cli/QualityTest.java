package espalier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The quality of number formats, measured on the bundled model. */
class QualityTest {
    private static final Path DEMO = Path.of(System.getProperty("espalier.root"), "models", "demo");

    @TempDir
    Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void fewerBitsAreFartherFromTheModelThatTheyWereMadeOf() throws IOException {
        Path text = folder.resolve("text.txt");
        Files.writeString(text, "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n".repeat(6));
        Map<String, Double> same = measure(text, "none");
        assertThat(same.get("mean_kl")).isLessThan(1e-4);
        assertThat(same.get("same_choice_share")).isGreaterThan(0.9);
        assertThat(same.get("scored_tokens")).isEqualTo(15 + 15);
        Map<String, Double> four = measure(text, "int4");
        assertThat(four.get("mean_kl")).isBetween(0.001, 1.0);
        assertThat(four.get("against_perplexity"))
                .isCloseTo(same.get("perplexity"), org.assertj.core.api.Assertions.withinPercentage(1));
    }

    @Test
    void whatIsMissingIsNamed() {
        assertThat(run("bench", "perplexity", "--model-path", DEMO.toString())).isEqualTo(Cli.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .contains("bench perplexity wants --model-path and --text FILE");
    }

    private Map<String, Double> measure(Path text, String quantization) {
        out.reset();
        assertThat(run(
                        "bench",
                        "perplexity",
                        "--model-path",
                        DEMO.toString(),
                        "--against",
                        DEMO.toString(),
                        "--quantization",
                        quantization,
                        "--text",
                        text.toString(),
                        "--window",
                        "32",
                        "--windows",
                        "2"))
                .as(() -> err.toString(StandardCharsets.UTF_8))
                .isEqualTo(Cli.OK);
        var figures = new HashMap<String, Double>();
        out.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.matches("\\w+: [\\d.E-]+"))
                .forEach(line -> {
                    String[] parts = line.split(": ", 2);
                    figures.put(parts[0], Double.valueOf(parts[1]));
                });
        return figures;
    }

    private int run(String... args) {
        var terminal = new Terminal(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                new ByteArrayInputStream(new byte[0]),
                Map.of(),
                null,
                null);
        return Cli.run(terminal, args);
    }
}
