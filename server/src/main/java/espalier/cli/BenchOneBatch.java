package espalier.cli;

import espalier.api.RequestRejected;
import espalier.chat.Espalier;
import espalier.config.Flag;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.config.Settings;
import espalier.load.Batches;
import espalier.load.Setting;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code bench one-batch}: batches, each alone in the engine. */
final class BenchOneBatch implements Command {

    /** Which batches. */
    record Shapes(
            @Flag(value = "--batch-sizes", help = "Sequences of a batch.", byDefault = "1,8,32", label = "N,N,...")
            String batchSizes,

            @Flag(
                    value = {"--input-len", "--random-input-len"},
                    help = "Tokens of a prompt.",
                    byDefault = "512",
                    label = "TOKENS",
                    least = 1)
            int inputLen,

            @Flag(
                    value = "--input-lens",
                    help = "Prompts of these lengths in turn; --input-len by default.",
                    label = "TOKENS,TOKENS,...")
            @Nullable
            String inputLens,

            @Flag(
                    value = {"--output-len", "--random-output-len"},
                    help = "Tokens of an answer.",
                    byDefault = "128",
                    label = "TOKENS",
                    least = 1)
            int outputLen) {

        Batches.Shapes of(Settings settings) {
            long bytesPerToken = settings.kvBytes() / settings.limits().maxTotalTokens();
            return new Batches.Shapes(sizes(), inputs(), outputLen, bytesPerToken);
        }

        /** Refuses lists that no batch can be made of. */
        Shapes checked() {
            var _ = sizes();
            var _ = inputs();
            return this;
        }

        private List<Integer> sizes() {
            return numbers("--batch-sizes", batchSizes);
        }

        private List<Integer> inputs() {
            return inputLens == null ? List.of(inputLen) : numbers("--input-lens", inputLens);
        }

        private static List<Integer> numbers(String flag, String typed) {
            try {
                List<Integer> numbers = Arrays.stream(typed.split(",", -1))
                        .map(number -> Integer.valueOf(number.strip()))
                        .toList();
                numbers.forEach(number -> OptionReader.atLeast(flag, 1, number));
                return numbers;
            } catch (NumberFormatException _) {
                throw RequestRejected.invalid(flag, flag + " takes numbers such as 1,8,32, got '" + typed + "'");
            }
        }
    }

    @Override
    public String name() {
        return "one-batch";
    }

    @Override
    public String description() {
        return "Measure prefill and decode in this process, by size of the batch and length of the prompts.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(Shapes.class, BenchFigures.class, Loading.ModelFlags.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        Shapes shapes = typed.as(Shapes.class).checked();
        BenchFigures figures = typed.as(BenchFigures.class).checked();
        Logs.install(terminal, "warning");
        try (Espalier engine = Loading.load(typed.as(Options.class), terminal)) {
            Batches.Shapes batches = shapes.of(engine.settings());
            Map<String, Object> setting = Setting.of(engine);
            // Warm the JIT: the first calls of every kernel are interpreted.
            var nowhere = new PrintStream(OutputStream.nullOutputStream());
            Batches.run(engine.engine(), setting, batches.shortest(), nowhere);
            List<Map<String, @Nullable Object>> rows = Batches.run(engine.engine(), setting, batches, terminal.out());
            for (Map<String, @Nullable Object> row : rows) {
                figures.append(row);
            }
            figures.draw(Batches.plot(rows));
        }
        return Cli.OK;
    }
}
