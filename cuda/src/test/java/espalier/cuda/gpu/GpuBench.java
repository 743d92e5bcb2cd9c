package espalier.cuda.gpu;

import espalier.api.Emission;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.Profile;
import espalier.engine.LocalEngine;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPOutputStream;
import tools.jackson.databind.ObjectMapper;

/**
 * The benchmarks of a model of 8 billion random weights, on the requests of {@link Workload}. {@code OUT STAGE...}
 *
 * <p>Properties: {@code espalier.gpu.config} (another model's config.json), {@code espalier.gpu.running} (sequences at
 * once), {@code espalier.gpu.tokens} (of the KV cache), {@code espalier.gpu.scale} (of the numbers of requests).
 */
public final class GpuBench {
    private static final Map<String, String> ALIKE = Map.of("--enable-deterministic-inference", "true");

    private final GpuLog log;
    private final Path model;
    private final double scale = Double.parseDouble(System.getProperty("espalier.gpu.scale", "1"));

    private GpuBench(GpuLog log) throws IOException {
        this.log = log;
        model = Files.createTempDirectory("model");
        String config = System.getProperty("espalier.gpu.config", "");
        Files.writeString(
                model.resolve("config.json"), config.isEmpty() ? Workload.CONFIG : Files.readString(Path.of(config)));
    }

    public static void main(String[] args) throws Exception {
        var bench = new GpuBench(new GpuLog(Path.of(args[0])));
        for (String stage : Arrays.asList(args).subList(1, args.length)) {
            bench.stage(stage);
        }
        System.exit(0);
    }

    private void stage(String stage) {
        try {
            switch (stage) {
                case "bench" -> whole(stage, Map.of());
                case "bench-alike" -> whole(stage, ALIKE);
                case "decode" -> decode(stage, Map.of());
                case "decode-alike" -> decode(stage, ALIKE);
                case "ready" -> ready(stage);
                case "offline" -> offline(stage);
                case "requests" -> requests();
                default -> throw new IllegalArgumentException("no such stage: " + stage);
            }
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
            log.tell(stage, "failed", String.valueOf(e), "");
        }
    }

    private LocalEngine engine(Map<String, String> more) {
        var flags = new HashMap<>(more);
        flags.put("--load-format", "dummy");
        flags.put("--context-length", "8192");
        set(flags, "--max-running-requests", "espalier.gpu.running");
        set(flags, "--max-total-tokens", "espalier.gpu.tokens");
        return GpuLoading.engine(GpuLoading.device(), model, flags);
    }

    private static void set(Map<String, String> flags, String flag, String property) {
        String value = System.getProperty(property, "");
        if (!value.isEmpty()) {
            flags.putIfAbsent(flag, value);
        }
    }

    private int scaled(int count) {
        return Math.max(1, (int) (count * scale));
    }

    private void whole(String stage, Map<String, String> flags) throws IOException, InterruptedException {
        long begun = System.nanoTime();
        try (LocalEngine engine = engine(flags)) {
            log.tell(stage, "ready in this process", seconds(begun), "s");
            timed(engine, Workload.same("warm", 4, 64, 8));
            decode(stage, engine, "decode1", 1, 128, 256);
            decode(stage, engine, "decode64", scaled(64), 1024, 128);
            busy(stage, engine);
            decode(stage, engine, "decode256", scaled(256), 512, 128);
            for (int i = 0; i < 3; i++) {
                engine.flushCache();
                var prompts = Workload.same("prefill", scaled(16), 2048, 1);
                log.tell(
                        stage,
                        "prefill",
                        prompts.size() * prompts.getFirst().prompt().size() / timed(engine, prompts),
                        "tokens/s");
            }
            int rounds = flags.isEmpty() ? 3 : 1; // the median counts, as of other engines' figures
            for (int i = 0; i < rounds; i++) {
                chat(stage, engine, "offline");
            }
            prefix(stage, engine, "prefix");
        }
        if (flags.isEmpty()) {
            try (LocalEngine engine = engine(Map.of("--disable-radix-cache", "true"))) {
                prefix(stage, engine, "prefix without the cache");
            }
        }
    }

    /** Decoding alone, of the batches that {@code espalier.gpu.batches} names. */
    private void decode(String stage, Map<String, String> flags) throws InterruptedException {
        try (LocalEngine engine = engine(flags)) {
            timed(engine, Workload.same("warm", 4, 64, 8));
            for (String each :
                    System.getProperty("espalier.gpu.batches", "1,64,256").split(",")) {
                switch (each) {
                    case "1" -> decode(stage, engine, "decode1", 1, 128, 256);
                    case "64" -> decode(stage, engine, "decode64", scaled(64), 1024, 128);
                    case "256" -> decode(stage, engine, "decode256", scaled(256), 512, 128);
                    default -> throw new IllegalArgumentException("no such batch: " + each);
                }
            }
        }
    }

    /** From the start of the process until the first token is there. */
    private void ready(String stage) throws InterruptedException {
        try (LocalEngine engine = engine(Map.of())) {
            timed(engine, Workload.same("warm", 1, 8, 1));
            long millis = System.currentTimeMillis()
                    - ProcessHandle.current()
                            .info()
                            .startInstant()
                            .orElseThrow()
                            .toEpochMilli();
            log.tell(stage, "ready", millis / 1e3, "s");
        }
    }

    /** The offline load alone, traced, by sequences at once: {@code espalier.gpu.offline}, such as 256,512,1000. */
    private void offline(String stage) throws IOException, InterruptedException {
        for (String running :
                System.getProperty("espalier.gpu.offline", "256,1024").split(",")) {
            try (LocalEngine engine = engine(Map.of("--max-running-requests", running))) {
                timed(engine, Workload.same("warm", 4, 64, 8));
                chat(stage, engine, "offline");
                engine.flushCache();
                Profile profile = engine.profile(Profile.Steps.all());
                chat(stage, engine, "offline, traced, running " + running);
                profile.stop();
                write(profile, "offline-" + running);
            }
        }
    }

    private void chat(String stage, LocalEngine engine, String measure) throws InterruptedException {
        engine.flushCache();
        var chat = Workload.chat("offline", 0, scaled(1000));
        log.tell(stage, measure, outputs(chat) / timed(engine, chat), "output tokens/s");
    }

    private void prefix(String stage, LocalEngine engine, String measure) throws InterruptedException {
        engine.flushCache();
        var prefix = Workload.prefix(0).subList(0, scaled(1024));
        log.tell(stage, measure, outputs(prefix) / timed(engine, prefix), "output tokens/s");
    }

    /** The share of the time that the device works while 64 sequences decode. */
    private void busy(String stage, LocalEngine engine) throws IOException, InterruptedException {
        var load = Workload.same("decode64", scaled(64), 1024, 128);
        Profile profile = engine.profile(Profile.Steps.all());
        timed(engine, load);
        profile.stop();
        log.tell(stage, "device busy", 100 * profile.decodeBusyShare(), "%");
        write(profile, "decode64");
    }

    private void write(Profile profile, String name) throws IOException {
        Path file = log.folder().resolve(name + ".trace.json.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
            profile.write(out);
        }
    }

    /** The requests of the serving load and the model's folder, for a server and a client of its own. */
    private void requests() throws IOException {
        var json = new ObjectMapper();
        Path to = Files.createDirectories(log.folder().resolve("model"));
        Files.copy(
                model.resolve("config.json"),
                to.resolve("config.json"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        for (int repetition : new int[] {0, 3}) {
            var lines = new ArrayList<String>();
            for (GenerateRequest each : Workload.chat("serving", repetition, scaled(320))) {
                var line = new HashMap<String, Object>();
                line.put("prompt", each.prompt().toArray());
                line.put("max_tokens", each.sampling().maxNewTokens());
                lines.add(json.writeValueAsString(line));
            }
            Files.write(to.resolve("serving." + repetition + ".jsonl"), lines);
        }
    }

    private static long outputs(List<GenerateRequest> requests) {
        return requests.stream()
                .mapToLong(r -> Objects.requireNonNull(r.sampling().maxNewTokens()))
                .sum();
    }

    private void decode(String stage, LocalEngine engine, String measure, int count, int prompt, int out)
            throws InterruptedException {
        engine.flushCache();
        timed(engine, Workload.same(measure, count, prompt, 1));
        timed(engine, Workload.same(measure, count, prompt, 2)); // kernels that cached prompts take are compiled by now
        double few = Double.POSITIVE_INFINITY;
        double many = Double.POSITIVE_INFINITY;
        for (int i = 0; i < 2; i++) { // the least of each: of the differences it would be that with the slowest few
            few = Math.min(few, timed(engine, Workload.same(measure, count, prompt, 32)));
            many = Math.min(many, timed(engine, Workload.same(measure, count, prompt, out)));
        }
        log.tell(stage, measure, (many - few) / (out - 32) * 1e3, "ms a step");
    }

    /** Seconds from the first submission to the last token. */
    private static double timed(LocalEngine engine, List<GenerateRequest> requests) throws InterruptedException {
        long begun = System.nanoTime();
        var open = requests.stream().map(engine::submit).toList();
        for (Generation each : open) {
            Emission next = each.next();
            while (next instanceof Emission.Token) {
                next = each.next();
            }
            if (next instanceof Emission.Failed failed) {
                throw failed.cause();
            }
        }
        return seconds(begun);
    }

    private static double seconds(long begun) {
        return (System.nanoTime() - begun) / 1e9;
    }
}
