package espalier.load;

import espalier.api.Engine;
import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Batches, each alone in an engine: prefill until the last sequence has its first token, then decode. Where prompts of
 * several lengths are asked for, the slope between them is told too: decoding steps behind longer prompts read more keys
 * and values and take longer, and the quotient is the speed at which attention reads, whatever the rest of a step costs.
 */
public final class Batches {
    private static final String SLOPE = "added KV GB/s";

    private Batches() {}

    /**
     * Which batches.
     *
     * @param sizes sequences of a batch
     * @param inputs tokens of each prompt, in turn for every size
     * @param outputs tokens of each answer
     * @param kvBytesPerToken that attention reads of every token before, in each step
     */
    public record Shapes(List<Integer> sizes, List<Integer> inputs, int outputs, long kvBytesPerToken) {
        /** The same with the shortest prompts alone: enough for the JIT compiler. */
        public Shapes shortest() {
            return new Shapes(sizes, List.of(Collections.min(inputs)), outputs, kvBytesPerToken);
        }
    }

    /**
     * Measures each batch, prints a table, and returns a JSON-ready row a batch.
     *
     * @param setting of what the engine is, as {@link Setting} tells it: the table's head, and part of each row
     * @throws RequestRejected if a batch could not run at once
     * @throws EngineFault if the engine failed a request
     */
    public static List<Map<String, @Nullable Object>> run(
            Engine engine, Map<String, Object> setting, Shapes shapes, PrintStream out) throws InterruptedException {
        requireRoom(engine, shapes);
        boolean several = shapes.inputs.size() > 1;
        setting.forEach((name, value) -> out.printf("%-16s %s%n", name, value));
        out.printf(
                "%n%6s %7s %8s %14s %14s %12s",
                "batch", "input", "output", "prefill tok/s", "decode tok/s", "KV MB/step");
        out.println(several ? String.format(" %14s", SLOPE) : "");
        var rows = new ArrayList<Map<String, @Nullable Object>>();
        for (int size : shapes.sizes) {
            Row first = null;
            for (int input : shapes.inputs) {
                engine.flushCache();
                Row row = row(engine, size, input, shapes);
                Double slope = first == null ? null : row.slope(first);
                rows.add(row.json(setting, slope));
                out.println(row.line() + (first == null ? "" : cell(" %14.1f", " %14s", slope, 1e9)));
                out.flush();
                first = first == null ? row : first;
            }
        }
        if (several) {
            out.printf(
                    "%s: the keys and values that a decoding step reads more than behind prompts of %d tokens,"
                            + " for each second that it takes longer%n",
                    SLOPE, shapes.inputs.getFirst());
        }
        return rows;
    }

    /** An SVG of the rows of {@link #run}: throughput against the number of sequences and the length. */
    public static String plot(List<Map<String, @Nullable Object>> rows) {
        boolean several =
                rows.stream().map(row -> row.get("input_len")).distinct().count() > 1;
        var names = rows.stream()
                .map(row -> row.get("batch_size") + (several ? " x " + row.get("input_len") : ""))
                .toList();
        var lines = List.of(
                new LineChart.Line("prefill", column(rows, "prefill_throughput")),
                new LineChart.Line("decode", column(rows, "decode_throughput")));
        String along = several ? "sequences x tokens of context" : "sequences";
        return new LineChart("One batch at a time", along, "tok/s", names, lines).svg();
    }

    private static List<Double> column(List<Map<String, @Nullable Object>> rows, String name) {
        return rows.stream()
                .map(row -> row.get(name) instanceof Double value ? value : Double.NaN)
                .toList();
    }

    /** A batch that waits for room, or is refused, would measure something else. */
    private static void requireRoom(Engine engine, Shapes shapes) {
        int tokens = Collections.max(shapes.inputs) + shapes.outputs;
        var info = engine.info();
        int most = Collections.max(shapes.sizes);
        if (tokens > info.contextLength()) {
            throw RequestRejected.invalid(
                    "--input-len",
                    "--input-len and --output-len are " + tokens + " tokens together, more than the context of "
                            + info.contextLength());
        }
        if (most > info.maxRunningRequests() || (long) most * tokens > info.maxTotalTokens()) {
            throw RequestRejected.invalid(
                    "--batch-sizes",
                    "a batch of " + most + " sequences of " + tokens + " tokens does not run at once: raise"
                            + " --max-running-requests (" + info.maxRunningRequests() + ") or --max-total-tokens ("
                            + info.maxTotalTokens() + ")");
        }
    }

    private static Row row(Engine engine, int size, int inputTokens, Shapes shapes) throws InterruptedException {
        int outputTokens = shapes.outputs;
        var shape = new Workload.Shape(size, engine.info().vocabSize(), 42 + size);
        Workload load = Workload.randomIds(shape, inputTokens, outputTokens, 1);
        var outcomes = LoadRun.outcomes(load, new Pace(Double.POSITIVE_INFINITY, size, 0), new EngineTarget(engine));
        for (Outcome each : outcomes) {
            if (each.error() != null) {
                throw new EngineFault(
                        EngineFault.Code.INTERNAL, "a request of a batch of " + size + " failed: " + each.error());
            }
        }
        long begun = outcomes.stream().mapToLong(Outcome::begun).min().orElse(0);
        // Prefill ends when the last sequence has its first token; from there to the first end all of them decode.
        long filled = outcomes.stream().mapToLong(o -> o.tokenTimes()[0]).max().orElse(0);
        long ended = outcomes.stream().mapToLong(Outcome::ended).max().orElse(0);
        long after = outcomes.stream()
                .flatMapToLong(o -> Arrays.stream(o.tokenTimes()))
                .filter(t -> t > filled)
                .count();
        return new Row(
                size,
                inputTokens,
                outputTokens,
                (double) size * inputTokens / ((filled - begun) / 1e9),
                after == 0 ? null : after / (Math.max(1, ended - filled) / 1e9),
                (double) size * (inputTokens + outputTokens / 2.0) * shapes.kvBytesPerToken);
    }

    /**
     * @param decode null where nothing was decoded: answers of one token
     * @param kvBytes that the step in the middle of decoding reads
     */
    private record Row(
            int batch,
            int input,
            int output,
            double prefill,
            @Nullable Double decode,
            double kvBytes) {

        /** Bytes that this row's steps read more than {@code other}'s, for each second that they take longer; null if they do not. */
        @Nullable
        Double slope(Row other) {
            if (decode == null || other.decode == null) {
                return null;
            }
            double longerSeconds = batch / decode - other.batch / other.decode;
            return longerSeconds > 0 && kvBytes > other.kvBytes ? (kvBytes - other.kvBytes) / longerSeconds : null;
        }

        Map<String, @Nullable Object> json(Map<String, Object> setting, @Nullable Double slope) {
            var json = new LinkedHashMap<String, @Nullable Object>(setting);
            json.put("batch_size", batch);
            json.put("input_len", input);
            json.put("output_len", output);
            json.put("prefill_throughput", prefill);
            json.put("decode_throughput", decode);
            json.put("kv_bytes_per_step", decode == null ? null : kvBytes);
            json.put("added_kv_bytes_per_second", slope);
            return json;
        }

        String line() {
            return String.format(Locale.ROOT, "%6d %7d %8d %14.1f", batch, input, output, prefill)
                    + cell(" %14.1f", " %14s", decode, 1)
                    + cell(" %12.1f", " %12s", decode == null ? null : kvBytes, 1e6);
        }
    }

    private static String cell(String number, String text, @Nullable Double value, double unit) {
        return value == null
                ? String.format(Locale.ROOT, text, "n/a")
                : String.format(Locale.ROOT, number, value / unit);
    }
}
