package espalier.load;

import espalier.api.Engine;
import espalier.api.Profile;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntFunction;

/** The benchmarks that {@code espalier bench} runs. */
public final class Benchmarks {

    private Benchmarks() {}

    /**
     * Requests straight into an engine of this process, and where its time went. They are ids: no tokenizer has part.
     *
     * @param made of what the engine is, as {@link Setting} tells it
     */
    public static Report offline(Engine engine, Map<String, Object> made, Workload load, Pace pace)
            throws InterruptedException {
        var setting = new LinkedHashMap<String, Object>(made);
        setting.putAll(setting("espalier-offline", load, pace));
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
            String model = server.model() == null ? target.firstModel() : server.model();
            target.ask(model);
            Workload made = load.apply(size);
            LoadRun.outcomes(made.warmup(server.warmupRequests(), size), pace, target);
            if (server.flushCache()) {
                target.flushCache();
            }
            var setting = setting(server.backend().flag(), made, pace);
            setting.put("model", model);
            return LoadRun.run("Serving Benchmark Result", setting, made, pace, target);
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
