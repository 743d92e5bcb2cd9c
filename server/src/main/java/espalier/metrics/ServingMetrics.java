package espalier.metrics;

import espalier.api.EngineInfo;
import espalier.api.EngineLoad;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What a server counts about its requests, under SGLang's names. */
public final class ServingMetrics {
    private final MetricsRegistry registry = new MetricsRegistry();
    private final Labels model;
    private final Counter requests;
    private final Counter aborted;
    private final Counter promptTokens;
    private final Counter generatedTokens;
    private final Counter cachedTokens;
    private final Histogram firstToken;
    private final Histogram betweenTokens;
    private final Histogram wholeRequest;
    private final Histogram promptLengths;
    private final Histogram uncachedLengths;
    private final Histogram answerLengths;

    public ServingMetrics(String servedName) {
        model = Labels.NONE.with("model_name", servedName);
        requests = counter("num_requests_total", "Number of requests processed.");
        aborted = counter("num_aborted_requests_total", "Number of requests aborted.");
        promptTokens = counter("prompt_tokens_total", "Number of prefill tokens processed.");
        generatedTokens = counter("generation_tokens_total", "Number of generation tokens processed.");
        cachedTokens = registry.counter(
                "sglang:cached_tokens_total",
                "Number of prompt tokens found in the prefix cache.",
                model.with("cache_source", "device"));
        firstToken = histogram("time_to_first_token_seconds", "Time to first token.", Buckets.firstTokenSeconds());
        betweenTokens =
                histogram("inter_token_latency_seconds", "Time between tokens.", Buckets.betweenTokensSeconds());
        wholeRequest = histogram("e2e_request_latency_seconds", "Time of whole requests.", Buckets.requestSeconds());
        promptLengths = histogram("prompt_tokens_histogram", "Prompt lengths.", Buckets.tokens());
        uncachedLengths = histogram(
                "uncached_prompt_tokens_histogram", "Prompt lengths without what was cached.", Buckets.tokens());
        answerLengths = histogram("generation_tokens_histogram", "Answer lengths.", Buckets.tokens());
    }

    /** Adds what the engine knows, asked for whenever the metrics are read. */
    public void watch(EngineInfo info, Supplier<EngineLoad> load) {
        Labels engine = model.with("engine_type", "unified")
                .with("tp_rank", "0")
                .with("pp_rank", "0")
                .with("moe_ep_rank", "0");
        double slots = info.maxTotalTokens();
        gauge(engine, "num_running_reqs", "Number of running requests.", load, EngineLoad::runningRequests);
        gauge(engine, "num_queue_reqs", "Number of requests in the queue.", load, EngineLoad::waitingRequests);
        gauge(engine, "num_used_tokens", "Number of used tokens.", load, EngineLoad::usedTokens);
        gauge(engine, "token_usage", "Share of the KV cache in use.", load, l -> l.usedTokens() / slots);
        gauge(engine, "gen_throughput", "Tokens a second.", load, EngineLoad::generationThroughput);
        gauge(engine, "cache_hit_rate", "Prefix cache hit rate since the start.", load, ServingMetrics::hitRate);
        gauge(engine, "kv_used_tokens", "Slots held by requests.", load, EngineLoad::usedTokens);
        gauge(engine, "kv_evictable_tokens", "Slots that hold reusable prefixes.", load, EngineLoad::cachedTokens);
        gauge(engine, "kv_available_tokens", "Free slots.", load, l -> slots - l.usedTokens() - l.cachedTokens());
        gauge(engine, "max_total_num_tokens", "Slots of the KV cache.", load, _ -> slots);
        gauge(engine, "page_size", "Slots of a page.", load, _ -> info.pageSize());
        gauge(engine, "context_len", "Context length.", load, _ -> info.contextLength());
        registry.total(
                "sglang:num_retracted_requests_total",
                "Number of retractions.",
                engine,
                () -> load.get().retractions());
    }

    public void started(int tokens) {
        requests.add(1);
        promptTokens.add(tokens);
        promptLengths.observe(tokens);
    }

    public void firstToken(double seconds) {
        firstToken.observe(seconds);
    }

    /** Another event brought {@code tokens} tokens, {@code seconds} after the last one. */
    public void nextTokens(double seconds, int tokens) {
        betweenTokens.observe(seconds / tokens, tokens);
    }

    /** A prompt has been read, or its request has ended before that. */
    public void promptRead(int tokens, int cached) {
        cachedTokens.add(cached);
        uncachedLengths.observe(tokens - cached);
    }

    public void generated(int tokens) {
        generatedTokens.add(tokens);
        answerLengths.observe(tokens);
    }

    public void ended(double seconds) {
        wholeRequest.observe(seconds);
    }

    public void aborted() {
        aborted.add(1);
    }

    public String text() {
        return registry.text();
    }

    private static double hitRate(EngineLoad load) {
        return load.promptTokens() == 0 ? 0 : (double) load.cachedPromptTokens() / load.promptTokens();
    }

    private void gauge(
            Labels labels, String name, String help, Supplier<EngineLoad> load, ToDoubleFunction<EngineLoad> value) {
        registry.gauge("sglang:" + name, help, labels, () -> value.applyAsDouble(load.get()));
    }

    private Counter counter(String name, String help) {
        return registry.counter("sglang:" + name, help, model);
    }

    private Histogram histogram(String name, String help, double... bounds) {
        return registry.histogram("sglang:" + name, help, model, bounds);
    }
}
