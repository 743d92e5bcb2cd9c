package espalier.cli;

import espalier.api.RequestRejected;
import espalier.chat.Espalier;
import espalier.chat.TextEngine;
import espalier.config.Flag;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.config.Settings;
import espalier.load.Benchmarks;
import espalier.load.Pace;
import espalier.load.Remote;
import espalier.load.Report;
import espalier.load.Turns;
import espalier.load.Workload;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectMapper;

/** Measures: one batch after another, a load inside this process, or a load over HTTP. */
final class BenchCommand implements Command {

    /** What is sent. */
    record Load(
            @Flag(
                    value = "--dataset-name",
                    help = "random-ids, log-normal, generated-shared-prefix or token-ids.",
                    byDefault = "random-ids",
                    label = "NAME")
            String dataset,

            @Flag(
                    value = "--dataset-path",
                    help = "For token-ids: a line of JSON a request, with prompt (a list of ids) and max_tokens.",
                    label = "FILE")
            @Nullable
            String datasetPath,

            @Flag(value = "--num-prompts", help = "Requests.", byDefault = "64")
            int numPrompts,

            @Flag(
                    value = {"--random-input-len", "--input-len"},
                    help = "Tokens of a prompt, at most.",
                    byDefault = "512",
                    label = "TOKENS")
            int inputLen,

            @Flag(
                    value = {"--random-output-len", "--output-len"},
                    help = "Tokens of an answer, at most.",
                    byDefault = "128",
                    label = "TOKENS")
            int outputLen,

            @Flag(
                    value = "--random-range-ratio",
                    help = "Least length as a share of the greatest.",
                    byDefault = "0.0",
                    label = "SHARE")
            double rangeRatio,

            @Flag(
                    value = "--input-sigma",
                    help = "For log-normal, whose lengths are means: spread of the prompts.",
                    byDefault = "1.1",
                    label = "X")
            double inputSigma,

            @Flag(value = "--output-sigma", help = "Spread of the answers.", byDefault = "0.9", label = "X")
            double outputSigma,

            @Flag(
                    value = "--greatest-len",
                    help = "For log-normal: longest prompt and answer.",
                    byDefault = "1024",
                    label = "TOKENS")
            int greatestLen,

            @Flag(value = "--gsp-num-groups", help = "Groups that share a prefix.", byDefault = "1", label = "N")
            int groups,

            @Flag(
                    value = "--gsp-system-prompt-len",
                    help = "Tokens of a shared prefix.",
                    byDefault = "512",
                    label = "TOKENS")
            int prefixLen,

            @Flag(
                    value = "--gsp-question-len",
                    help = "Tokens after the shared prefix.",
                    byDefault = "32",
                    label = "TOKENS")
            int questionLen,

            @Flag(value = "--gsp-output-len", help = "Tokens of an answer.", byDefault = "16", label = "TOKENS")
            int groupOutputLen,

            @Flag(
                    value = "--request-rate",
                    help = "Requests a second, Poisson; inf sends all.",
                    byDefault = "inf",
                    label = "X")
            String requestRate,

            @Flag(value = "--max-concurrency", help = "Requests under way at once.", byDefault = "32", label = "N")
            int maxConcurrency,

            @Flag(
                    value = "--input-lens",
                    help = "For one-batch: prompts of these lengths in turn; --input-len by default.",
                    label = "TOKENS,TOKENS,...")
            @Nullable
            String inputLens,

            @Flag(value = "--batch-sizes", help = "For one-batch.", byDefault = "1,8,32", label = "N,N,...")
            String batchSizes,

            @Flag(value = "--bench-seed", help = "Makes the requests.", byDefault = "42", label = "SEED")
            int seed,

            @Flag(value = "--output-file", help = "Appends the figures as a JSON line.", label = "FILE") @Nullable
            String outputFile,

            @Flag(value = "--plot", help = "Draws the figures as SVG.", label = "FILE") @Nullable
            String plot) {

        /** Of a log-normal prompt or answer, in tokens. */
        private static final int LEAST_LENGTH = 4;

        private Workload fromFile() {
            if (datasetPath == null) {
                throw RequestRejected.invalid("--dataset-path", "--dataset-name token-ids needs --dataset-path FILE");
            }
            try {
                return Workload.file(Path.of(datasetPath), numPrompts);
            } catch (IOException e) {
                throw RequestRejected.invalid("--dataset-path", "--dataset-path: " + e);
            }
        }

        Workload workload(int vocabulary) {
            var shape = new Workload.Shape(numPrompts, vocabulary, seed);
            return switch (dataset) {
                case "random-ids", "random" -> Workload.randomIds(shape, inputLen, outputLen, rangeRatio);
                case "log-normal" ->
                    Workload.logNormal(
                            shape,
                            new Workload.Lengths(inputLen, inputSigma, LEAST_LENGTH, greatestLen),
                            new Workload.Lengths(outputLen, outputSigma, LEAST_LENGTH, greatestLen));
                case "generated-shared-prefix" ->
                    Workload.sharedPrefix(shape, groups, prefixLen, questionLen, groupOutputLen);
                case "token-ids" -> fromFile();
                default ->
                    throw RequestRejected.invalid(
                            "--dataset-name",
                            "--dataset-name takes random-ids, log-normal, generated-shared-prefix or token-ids, got '"
                                    + dataset + "'");
            };
        }

        Pace pace() {
            return new Pace(rate(), maxConcurrency, seed);
        }

        private double rate() {
            if (requestRate.equals("inf")) {
                return Double.POSITIVE_INFINITY;
            }
            try {
                double rate = Double.parseDouble(requestRate);
                if (rate > 0) {
                    return rate;
                }
            } catch (NumberFormatException _) {
                // said below
            }
            throw RequestRejected.invalid(
                    "--request-rate", "--request-rate takes inf or a number above 0, got '" + requestRate + "'");
        }

        Benchmarks.OneBatch batches(Settings settings) {
            List<Integer> inputs = inputLens == null ? List.of(inputLen) : numbers("--input-lens", inputLens);
            long bytesPerToken = settings.kvBytes() / settings.limits().maxTotalTokens();
            return new Benchmarks.OneBatch(numbers("--batch-sizes", batchSizes), inputs, outputLen, bytesPerToken);
        }

        private static List<Integer> numbers(String flag, String typed) {
            try {
                List<Integer> numbers = Arrays.stream(typed.split(",", -1))
                        .map(number -> Integer.valueOf(number.strip()))
                        .toList();
                numbers.forEach(number -> OptionReader.positive(flag, number));
                return numbers;
            } catch (NumberFormatException _) {
                throw RequestRejected.invalid(flag, flag + " takes numbers such as 1,8,32, got '" + typed + "'");
            }
        }

        /** Refuses numbers that no load can be made of. */
        Load checked() {
            OptionReader.positive("--num-prompts", numPrompts);
            OptionReader.positive("--random-input-len", inputLen);
            OptionReader.positive("--random-output-len", outputLen);
            OptionReader.positive("--gsp-num-groups", groups);
            OptionReader.positive("--gsp-system-prompt-len", prefixLen);
            OptionReader.positive("--gsp-question-len", questionLen);
            OptionReader.positive("--gsp-output-len", groupOutputLen);
            OptionReader.positive("--max-concurrency", maxConcurrency);
            if (greatestLen < LEAST_LENGTH || !(inputSigma >= 0 && outputSigma >= 0)) {
                throw RequestRejected.invalid(
                        "--greatest-len",
                        "log-normal lengths need --greatest-len of at least " + LEAST_LENGTH
                                + " and no negative sigma");
            }
            if (!(rangeRatio >= 0 && rangeRatio <= 1)) {
                throw RequestRejected.invalid(
                        "--random-range-ratio", "--random-range-ratio must be between 0 and 1, got " + rangeRatio);
            }
            return this;
        }
    }

    @Override
    public String name() {
        return "bench";
    }

    @Override
    public String description() {
        return "Measure: one-batch (prefill and decode by batch size), offline (a load in this process), serving (a"
                + " load over HTTP, to a server that is running), turns (batches that another program asks for, a"
                + " line of JSON each; see bench/peers), or perplexity (what a number format costs in quality).";
    }

    @Override
    public String arguments() {
        return "one-batch|offline|serving|turns|perplexity";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(
                Load.class,
                Remote.class,
                Quality.Flags.class,
                Options.Model.class,
                Options.Device.class,
                Options.Cache.class,
                Options.Schedule.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        String kind = typed.arguments().isEmpty() ? "" : typed.arguments().getFirst();
        Load load = typed.as(Load.class).checked();
        Logs.install(terminal, "warning");
        if (typed.arguments().size() > 1) {
            throw RequestRejected.invalid(
                    "bench", "bench runs one benchmark at a time, got " + String.join(" ", typed.arguments()));
        }
        requireWritable("--output-file", load.outputFile());
        requireWritable("--plot", load.plot());
        switch (kind) {
            case "serving" -> {
                Remote server = typed.as(Remote.class).checked();
                return finish(Benchmarks.serving(server, load::workload, load.pace()), load, terminal);
            }
            case "offline" -> {
                try (TextEngine engine = Loading.load(typed.as(Options.class), terminal)) {
                    int vocabulary = engine.engine().info().vocabSize();
                    return finish(
                            Benchmarks.offline(engine.engine(), load.workload(vocabulary), load.pace()),
                            load,
                            terminal);
                }
            }
            case "one-batch" -> {
                try (Espalier engine = Loading.load(typed.as(Options.class), terminal)) {
                    Benchmarks.OneBatch batches = load.batches(engine.settings());
                    // Warm the JIT: the first calls of every kernel are interpreted.
                    var nowhere = new java.io.PrintStream(java.io.OutputStream.nullOutputStream());
                    Benchmarks.oneBatch(engine.engine(), batches.shortest(), nowhere);
                    List<Map<String, Object>> rows = Benchmarks.oneBatch(engine.engine(), batches, terminal.out());
                    for (Map<String, Object> row : rows) {
                        append(row, load);
                    }
                    draw(Benchmarks.plot(rows), load);
                }
            }
            case "turns" -> {
                try (TextEngine engine = Loading.load(typed.as(Options.class), terminal)) {
                    var lines = new BufferedReader(new InputStreamReader(terminal.in(), StandardCharsets.UTF_8));
                    new Turns(engine.engine()).run(lines, terminal.out());
                }
            }
            case "perplexity" ->
                append(Quality.measure(typed.as(Options.class), typed.as(Quality.Flags.class), terminal), load);
            default ->
                throw RequestRejected.invalid(
                        "bench", "bench takes one-batch, offline, serving, turns or perplexity, got '" + kind + "'");
        }
        return Cli.OK;
    }

    private static int finish(Report report, Load load, Terminal terminal) throws IOException {
        report.print(terminal.out());
        append(report.figures(), load);
        draw(report.plot(), load);
        return report.hasServed() ? Cli.OK : Cli.FAULT;
    }

    /** Said before the benchmark rather than after it. */
    private static void requireWritable(String flag, @Nullable String file) {
        if (file != null) {
            Path folder = Path.of(file).toAbsolutePath().getParent();
            if (folder == null || !Files.isWritable(folder)) {
                throw RequestRejected.invalid(flag, flag + " " + file + ": no such folder, or not writable");
            }
        }
    }

    private static void draw(String svg, Load load) throws IOException {
        if (load.plot() != null) {
            Files.writeString(Path.of(load.plot()), svg);
        }
    }

    private static void append(Map<String, Object> figures, Load load) throws IOException {
        if (load.outputFile() != null) {
            Files.writeString(
                    Path.of(load.outputFile()),
                    new ObjectMapper().writeValueAsString(figures) + "\n",
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        }
    }
}
