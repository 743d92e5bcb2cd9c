package espalier.load;

import espalier.api.Engine;
import espalier.api.Profile;
import espalier.api.RequestRejected;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;

/** The benchmarks that {@code espalier bench} runs. */
public final class Benchmarks {

    private Benchmarks() {}

    /** Requests straight into an engine of this process, and where its time went. They are ids: no tokenizer has part. */
    public static Report offline(Engine engine, Workload load, Pace pace) throws InterruptedException {
        var setting = setting("espalier-offline", load, pace);
        Profile profile = engine.profile(Profile.Steps.all());
        try {
            Report report = LoadRun.run("Offline Benchmark Result", setting, load, pace, new EngineTarget(engine));
            profile.stop();
            return report.with(shares(profile));
        } finally {
            profile.stop();
        }
    }

    /** Names and values for a report: how much of the time devices ran the model, chose tokens, and steps were planned. */
    static Map<String, Double> shares(Profile profile) {
        var of = profile.shares();
        var named = new LinkedHashMap<String, Double>();
        named.put("kernel_share", of.pass());
        named.put("sampler_share", of.choice());
        named.put("scheduler_share", of.scheduling());
        return named;
    }

    /**
     * Requests over HTTP to a server that is running.
     *
     * @param load makes the workload for the size of a vocabulary
     */
    public static Report serving(Remote server, IntFunction<Workload> load, Pace pace)
            throws IOException, InterruptedException {
        try (var target = new HttpTarget(server.baseUrl(), server.apiKey(), server.backend())) {
            int size = server.vocabSize() > 0
                    ? server.vocabSize()
                    : target.get("/server_info").path("vocab_size").asInt(0);
            if (size == 0) {
                throw new IOException(server.baseUrl() + " does not tell its vocabulary; give it with --vocab-size");
            }
            Workload made = load.apply(size);
            LoadRun.outcomes(made.warmup(server.warmupRequests(), size), pace, target);
            if (server.flushCache()) {
                target.flushCache();
            }
            return LoadRun.run(
                    "Serving Benchmark Result", setting(server.backend().flag(), made, pace), made, pace, target);
        }
    }

    /**
     * Batches, each alone in the engine.
     *
     * @param sizes sequences of a batch
     * @param inputs tokens of each prompt, in turn for every size
     * @param outputs tokens of each answer
     * @param kvBytesPerToken that attention reads of every token before, in each step
     */
    public record OneBatch(List<Integer> sizes, List<Integer> inputs, int outputs, long kvBytesPerToken) {
        /** The same with the shortest prompts alone: enough for the JIT compiler. */
        public OneBatch shortest() {
            return new OneBatch(sizes, List.of(Collections.min(inputs)), outputs, kvBytesPerToken);
        }
    }

    /**
     * Prefill and decode of batches of one size and length each; returns a JSON-ready row a batch. Beside the speeds stand
     * the keys and values that a decoding step reads, and how many of them a second make the step longer than that of
     * the first length: what a longer context costs, to be held against what memory gives.
     */
    public static List<Map<String, Object>> oneBatch(Engine engine, OneBatch batches, PrintStream out)
            throws InterruptedException {
        int longest = Collections.max(batches.inputs());
        requireRoom(engine, batches.sizes(), longest, batches.outputs());
        var rows = new ArrayList<Map<String, Object>>();
        out.printf(
                "%6s %7s %8s %14s %14s %12s %15s%n",
                "batch", "input", "output", "prefill tok/s", "decode tok/s", "KV MB/step", "of growth GB/s");
        for (int size : batches.sizes()) {
            Row first = null;
            for (int input : batches.inputs()) {
                engine.flushCache();
                Row row = oneBatch(engine, size, input, batches);
                double growth = first == null ? Double.NaN : row.growth(first);
                first = first == null ? row : first;
                rows.add(row.json(growth));
                out.println(row.line(growth));
                out.flush();
            }
        }
        return rows;
    }

    /** An SVG of the rows of {@link #oneBatch}: throughput against the number of sequences and the length. */
    public static String plot(List<Map<String, Object>> rows) {
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

    private static List<Double> column(List<Map<String, Object>> rows, String name) {
        return rows.stream()
                .map(row -> row.get(name) instanceof Double value ? value : Double.NaN)
                .toList();
    }

    /** A batch that waits for room, or is refused, would measure something else. */
    private static void requireRoom(Engine engine, List<Integer> sizes, int inputTokens, int outputTokens) {
        int tokens = inputTokens + outputTokens;
        var info = engine.info();
        int most = sizes.stream().mapToInt(Integer::intValue).max().orElse(0);
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

    private static Row oneBatch(Engine engine, int size, int inputTokens, OneBatch batches)
            throws InterruptedException {
        int outputTokens = batches.outputs();
        var shape = new Workload.Shape(size, engine.info().vocabSize(), 42 + size);
        Workload load = Workload.randomIds(shape, inputTokens, outputTokens, 1);
        var outcomes = LoadRun.outcomes(load, new Pace(Double.POSITIVE_INFINITY, size, 0), new EngineTarget(engine));
        long begun = outcomes.stream().mapToLong(Outcome::begun).min().orElse(0);
        // Prefill ends when the last sequence has its first token; from there to the first end all of them decode.
        long filled = outcomes.stream().mapToLong(o -> o.tokenTimes()[0]).max().orElse(0);
        long ended = outcomes.stream().mapToLong(Outcome::ended).max().orElse(0);
        long after = outcomes.stream()
                .mapToLong(o -> java.util.Arrays.stream(o.tokenTimes())
                        .filter(t -> t > filled)
                        .count())
                .sum();
        return new Row(
                size,
                inputTokens,
                outputTokens,
                (double) size * inputTokens / ((filled - begun) / 1e9),
                after / (Math.max(1, ended - filled) / 1e9),
                (double) size * (inputTokens + outputTokens / 2.0) * batches.kvBytesPerToken());
    }

    /** @param kvBytes that the step in the middle of decoding reads */
    private record Row(int batch, int input, int output, double prefill, double decode, double kvBytes) {
        private double stepSeconds() {
            return batch / decode;
        }

        /** Bytes that this row's steps read more than {@code other}'s, for each second that they take longer; NaN if none. */
        double growth(Row other) {
            double longer = stepSeconds() - other.stepSeconds();
            return longer > 0 ? (kvBytes - other.kvBytes) / longer : Double.NaN;
        }

        Map<String, Object> json(double growth) {
            var json = new LinkedHashMap<String, Object>();
            json.put("batch_size", batch);
            json.put("input_len", input);
            json.put("output_len", output);
            json.put("prefill_throughput", prefill);
            json.put("decode_throughput", decode);
            json.put("kv_bytes_per_step", kvBytes);
            if (Double.isFinite(growth)) {
                json.put("growth_bytes_per_second", growth);
            }
            return json;
        }

        String line(double growth) {
            String more = Double.isFinite(growth) ? String.format(Locale.ROOT, "%15.1f", growth / 1e9) : "";
            return String.format(
                            Locale.ROOT,
                            "%6d %7d %8d %14.1f %14.1f %12.1f%s",
                            batch,
                            input,
                            output,
                            prefill,
                            decode,
                            kvBytes / 1e6,
                            more)
                    .stripTrailing();
        }
    }

    private static Map<String, Object> setting(String backend, Workload load, Pace pace) {
        var setting = new LinkedHashMap<String, Object>();
        setting.put("backend", backend);
        setting.put("dataset_name", load.dataset());
        setting.put("num_prompts", load.items().size());
        setting.put("request_rate", Double.isFinite(pace.requestsPerSecond()) ? pace.requestsPerSecond() : "inf");
        setting.put("max_concurrency", pace.atOnce());
        return setting;
    }
}
