package espalier.cli;

import espalier.api.RequestRejected;
import espalier.base.Tokens;
import espalier.config.Flag;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.config.Resolver;
import espalier.exec.LogitReader;
import espalier.launch.ModelPath;
import espalier.launch.Scoring;
import espalier.load.Perplexity;
import espalier.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code bench perplexity}: what a number format costs in quality. */
final class Quality implements Command {
    /** What a model is loaded by to read its logits; it serves nobody. */
    private static final Set<String> OF_OPTIONS = Set.of(
            "--model-path",
            "--dtype",
            "--quantization",
            "--device",
            "--cpu-threads",
            "--cpu-kernels",
            "--kv-cache-dtype");

    /** What is read, and what the model is compared with. */
    record Text(
            @Flag(value = "--text", help = "A file of text that the model has not seen.", label = "FILE") @Nullable
            String text,

            @Flag(
                    value = "--against",
                    help = "The model as it was before: gives the divergence of the distributions as well.",
                    label = "PATH")
            @Nullable
            String against,

            @Flag(
                    value = "--window",
                    help = "Tokens of a window; the first half is only context.",
                    byDefault = "512",
                    label = "TOKENS",
                    least = 16)
            int window,

            @Flag(value = "--windows", help = "At most so many of them.", byDefault = "16", label = "N", least = 1)
            int windows) {}

    @Override
    public String name() {
        return "perplexity";
    }

    @Override
    public String description() {
        return "Measure what a number format costs in quality: perplexity on a text, divergence from another model.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(Text.class, BenchFigures.class, Options.Model.class, Options.Device.class, Options.Cache.class);
    }

    @Override
    public boolean takes(OptionReader.Described flag) {
        return OF_OPTIONS.contains(flag.name())
                || flag.name().equals("--output-file")
                || OptionReader.flags(Text.class).contains(flag);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws IOException {
        BenchFigures figures = typed.as(BenchFigures.class).checked();
        Logs.install(terminal, "warning");
        figures.append(measure(typed.as(Options.class), typed.as(Text.class), terminal));
        return Cli.OK;
    }

    private static Map<String, @Nullable Object> measure(Options options, Text flags, Terminal terminal)
            throws IOException {
        String model = options.model().modelPath();
        if (flags.text == null || model == null) {
            throw RequestRejected.invalid("--text", "bench perplexity wants --model-path and --text FILE");
        }
        Path path = Path.of(model);
        Tokenizer tokenizer = ModelPath.tokenizer(path);
        Tokens ids = tokenizer.encode(read(flags.text));
        if (ids.size() < flags.window) {
            throw RequestRejected.invalid(
                    "--text", flags.text + " has " + ids.size() + " tokens, not one --window of " + flags.window);
        }
        int[] prefix = tokenizer.encodeWithSpecials("").toArray();
        var figures = new LinkedHashMap<String, @Nullable Object>();
        figures.put("model", model);
        figures.put("quantization", options.model().quantization().name());
        figures.put("kv_cache_dtype", Resolver.kvType(options).name());
        figures.put("text", flags.text);
        try (LogitReader reader = Scoring.load(options, ModelPath.open(path), flags.window, Perplexity.RUN);
                LogitReader against = against(options, flags)) {
            figures.putAll(new Perplexity(reader, against)
                    .measure(ids.toArray(), prefix, flags.window, flags.windows, terminal.out()));
        }
        figures.forEach((name, value) -> terminal.out().println(name + ": " + value));
        return figures;
    }

    private static @Nullable LogitReader against(Options options, Text flags) {
        return flags.against == null
                ? null
                : Scoring.load(
                        options.unquantized(), ModelPath.open(Path.of(flags.against)), flags.window, Perplexity.RUN);
    }

    private static String read(String file) throws IOException {
        try {
            return Files.readString(Path.of(file));
        } catch (NoSuchFileException e) {
            throw RequestRejected.invalid("--text", "--text " + file + ": no such file");
        }
    }
}
