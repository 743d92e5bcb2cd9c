package espalier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.config.OptionReader;
import espalier.config.Options;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
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
    void aFlagOfSglangThatIsNotOursIsCalledThat() {
        assertThat(run("serve", "--dp", "2")).isEqualTo(Cli.USAGE);
        assertThat(err())
                .isEqualTo("espalier serve: --dp is a flag of SGLang that Espalier does not have: start several servers"
                        + " behind a balancer instead (espalier serve --help lists the flags)\n");
        err.reset();
        assertThat(run("serve", "--stream-interval=2")).isEqualTo(Cli.USAGE);
        assertThat(err()).contains("--stream-interval is a flag of SGLang that Espalier does not have; leave it out");
    }

    @Test
    void noFlagOfOursIsInTheListOfThoseThatAreNot() {
        for (var flag : OptionReader.flags(Options.class)) {
            for (String name : flag.flag().value()) {
                assertThat(SglangFlags.refusal(name)).as(name).isEmpty();
            }
        }
    }

    @Test
    void nothingIsSuggestedForAWordThatIsNearEverything() {
        assertThat(run("serve", "--xp", "2")).isEqualTo(Cli.USAGE);
        assertThat(err()).startsWith("espalier serve: unknown flag --xp (");
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
        assertThat(out().replaceAll("\\s+", " ")).contains("One of auto, float32, bfloat16, float16. Default: auto.");
    }

    @Test
    void eachBenchmarkListsItsOwnFlagsOnly() {
        assertThat(flags("one-batch"))
                .contains("--batch-sizes", "--model-path", "--plot")
                .doesNotContain("--base-url");
        assertThat(flags("one-batch")).doesNotContain("--num-prompts", "--gsp-num-groups", "--text", "--request-rate");
        assertThat(flags("offline")).contains("--num-prompts", "--model-path").doesNotContain("--batch-sizes");
        assertThat(flags("serving")).contains("--num-prompts", "--base-url").doesNotContain("--model-path");
        assertThat(flags("turns")).contains("--model-path").doesNotContain("--output-file", "--num-prompts");
        assertThat(flags("perplexity"))
                .contains("--text", "--output-file", "--quantization", "--kv-cache-dtype")
                .doesNotContain("--plot", "--max-total-tokens", "--num-prompts");
    }

    @Test
    void benchListsItsBenchmarks() {
        assertThat(run("bench", "--help")).isEqualTo(Cli.OK);
        assertThat(out()).contains("one-batch", "offline", "serving", "turns", "perplexity");
        assertThat(out()).doesNotContain("--model-path");
        assertThat(run("bench")).isEqualTo(Cli.USAGE);
        assertThat(err())
                .contains("one-batch, offline, serving, turns, perplexity")
                .hasLineCount(1);
        err.reset();
        assertThat(run("bench", "servng")).isEqualTo(Cli.USAGE);
        assertThat(err()).contains("did you mean serving?").hasLineCount(1);
        err.reset();
        assertThat(run("bench", "serving", "--batch-sizes", "1")).isEqualTo(Cli.USAGE);
        assertThat(err()).startsWith("espalier bench serving: unknown flag --batch-sizes");
    }

    private Set<String> flags(String benchmark) {
        out.reset();
        assertThat(run("help", "bench", benchmark)).isEqualTo(Cli.OK);
        return Pattern.compile("--[a-z-]+")
                .matcher(out())
                .results()
                .map(MatchResult::group)
                .collect(Collectors.toSet());
    }

    @Test
    void versionIsPrinted() {
        assertThat(run("--version")).isEqualTo(Cli.OK);
        assertThat(out()).startsWith("espalier ");
    }

    @Test
    void checkEnvNamesTheDevices() {
        assertThat(run("check-env")).isEqualTo(Cli.OK);
        assertThat(out())
                .contains("device cuda    not usable: ")
                .containsPattern("device cpu +usable\n +\\d+ physical cores, [0-9.]+ GB of memory free\n");
    }

    @Test
    void aMissingModelIsOneLineAndExitCodeOne() {
        assertThat(run("generate", "--model-path", "./no/such/folder", "hello")).isEqualTo(Cli.FAULT);
        assertThat(err()).contains("./no/such/folder").hasLineCount(1);
    }

    @Test
    void aFlagThatCannotBeIsToldBeforeAModelIsLookedFor() {
        assertThat(run("serve", "--model-path", "./no/such/folder", "--schedule-policy", "lfps"))
                .isEqualTo(Cli.USAGE);
        assertThat(err()).contains("--schedule-policy takes one of").hasLineCount(1);
    }

    @Test
    void aNumberOutOfItsRangeIsToldBeforeThePortIsTried() throws IOException {
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());
            for (String flag : List.of("--max-running-requests", "--page-size", "--chunked-prefill-size")) {
                err.reset();
                assertThat(run("serve", "--port", port, flag, "0")).isEqualTo(Cli.USAGE);
                assertThat(err()).contains(flag + " must be at least 1").hasLineCount(1);
            }
            err.reset();
            assertThat(run("serve", "--port", port, "--api-key", "")).isEqualTo(Cli.USAGE);
            assertThat(err()).contains("--api-key is empty").hasLineCount(1);
        }
    }

    @Test
    void samplingFlagsAreRefusedByTheirNamesBeforeAModelIsLookedFor() {
        String[] flags = {"--model-path", "./no/such/folder", "--max-new-tokens", "0"};
        assertThat(run("generate", flags[0], flags[1], flags[2], flags[3], "hello"))
                .isEqualTo(Cli.USAGE);
        assertThat(err()).contains("--max-new-tokens must be at least 1, got 0").hasLineCount(1);
        err.reset();
        assertThat(run("chat", flags[0], flags[1], flags[2], flags[3])).isEqualTo(Cli.USAGE);
        assertThat(err()).contains("--max-new-tokens must be at least 1, got 0").hasLineCount(1);
    }

    @Test
    void noPromptAtAllIsRefusedBeforeAModelIsLoaded() {
        assertThat(run("generate")).isEqualTo(Cli.USAGE);
        assertThat(err()).contains("generate needs a prompt").hasLineCount(1);
    }

    @Test
    void benchmarksRefuseWhatCannotBeMeasured() {
        for (String[] flag : new String[][] {
            {"--request-rate", "0"},
            {"--num-prompts", "-3"},
            {"--max-concurrency", "0"},
            {"--base-url", "foo"},
            {"--base-url", "http://a b"},
            {"--base-url", "http:///x"},
            {"--dataset-name", "rnd"},
            {"--warmup-requests", "-1"}
        }) {
            err.reset();
            assertThat(run("bench", "serving", flag[0], flag[1])).isEqualTo(Cli.USAGE);
            assertThat(err()).contains(flag[0]).hasLineCount(1);
        }
        err.reset();
        assertThat(run("bench", "serving", "--base-url", "http://127.0.0.1:1/v1"))
                .isEqualTo(Cli.FAULT);
        assertThat(err()).contains("nothing answers at http://127.0.0.1:1;").hasLineCount(1);
    }

    @Test
    void aTakenPortIsSaidBeforeTheModelIsLoaded() throws IOException {
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());
            assertThat(run("serve", "--port", port, "--model-path", "/no/such/model"))
                    .isEqualTo(Cli.FAULT);
            assertThat(err()).contains("127.0.0.1:" + port).contains("--port").hasLineCount(1);
        }
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
