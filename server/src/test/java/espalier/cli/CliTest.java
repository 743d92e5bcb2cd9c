package espalier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CliTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void anUnknownFlagSuggestsTheNearest() {
        assertThat(run("serve", "--prot", "1")).isEqualTo(Cli.USAGE);
        assertThat(err())
                .isEqualTo(
                        "espalier serve: unknown flag --prot; did you mean --port? (espalier serve --help lists the flags)\n");
    }

    @Test
    void aMissingValueNamesTheFlag() {
        assertThat(run("serve", "--port")).isEqualTo(Cli.USAGE);
        assertThat(err()).contains("--port").doesNotContain("\tat ").hasLineCount(1);
    }

    @Test
    void anUnknownCommandIsOneLine() {
        assertThat(run("sevre")).isEqualTo(Cli.USAGE);
        assertThat(err()).contains("sevre").hasLineCount(1);
    }

    @Test
    void helpListsCommandsAndFlags() {
        assertThat(run("--help")).isEqualTo(Cli.OK);
        assertThat(out()).contains("serve", "generate", "chat", "bench", "check-env");
        out.reset();
        assertThat(run("serve", "--help")).isEqualTo(Cli.OK);
        assertThat(out()).contains("--model-path", "--tensor-parallel-size", "--schedule-policy", "Default: 30000.");
    }

    @Test
    void versionIsPrinted() {
        assertThat(run("--version")).isEqualTo(Cli.OK);
        assertThat(out()).startsWith("espalier ");
    }

    @Test
    void checkEnvNamesTheDevices() {
        assertThat(run("check-env")).isEqualTo(Cli.OK);
        assertThat(out()).contains("device cuda    not usable: ").contains("device cpu");
    }

    @Test
    void aMissingModelIsOneLineAndExitCodeOne() {
        assertThat(run("generate", "--model-path", "./no/such/folder", "hello")).isEqualTo(Cli.FAULT);
        assertThat(err()).contains("./no/such/folder").hasLineCount(1);
    }

    private int run(String... args) {
        var terminal = new Terminal(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                new ByteArrayInputStream(new byte[0]),
                Map.of("HF_HUB_OFFLINE", "1"),
                null,
                null);
        return Cli.run(terminal, args);
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }
}
