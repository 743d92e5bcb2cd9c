package espalier.sglang;

import espalier.api.EngineInfo;
import espalier.api.EngineLoad;
import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.JsonObject;
import espalier.http.Reply;
import espalier.serving.Service;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code GET /v1/loads}, which gateways read, and {@code /get_load}, its predecessor. */
public final class Loads {
    private static final List<String> SECTIONS = List.of("core", "memory", "spec", "lora", "disagg", "queues", "all");

    private final Service service;

    public Loads(Service service) {
        this.service = service;
    }

    public Endpoint current() {
        return this::current;
    }

    public Endpoint legacy() {
        return this::legacy;
    }

    private void current(Exchange exchange) {
        String include = exchange.incoming().parameter("include");
        if (include != null && !SECTIONS.containsAll(List.of(include.split(",")))) {
            throw JsonObject.malformed("include takes " + SECTIONS + ", got '" + include + "'");
        }
        exchange.reply(Reply.json(
                200,
                Json.object(
                        "timestamp",
                        System.currentTimeMillis() / 1000.0,
                        "version",
                        service.options().version(),
                        "loads",
                        List.of(load()))));
    }

    private Map<String, @Nullable Object> load() {
        EngineInfo info = service.engine().engine().info();
        EngineLoad load = service.engine().engine().load();
        return Json.object(
                "timestamp",
                System.currentTimeMillis() / 1000.0,
                "dp_rank",
                0,
                "num_running_reqs",
                load.runningRequests(),
                "num_waiting_reqs",
                load.waitingRequests(),
                "num_used_tokens",
                load.usedTokens(),
                "num_total_tokens",
                load.usedTokens(),
                "max_total_num_tokens",
                info.maxTotalTokens(),
                "max_running_requests",
                info.maxRunningRequests(),
                "token_usage",
                (double) load.usedTokens() / info.maxTotalTokens(),
                "gen_throughput",
                load.generationThroughput(),
                "cache_hit_rate",
                load.promptTokens() == 0 ? 0.0 : (double) load.cachedPromptTokens() / load.promptTokens(),
                "utilization",
                (double) load.runningRequests() / info.maxRunningRequests());
    }

    private void legacy(Exchange exchange) {
        EngineLoad load = service.engine().engine().load();
        exchange.reply(Reply.json(
                200,
                List.of(Json.object(
                        "dp_rank",
                        0,
                        "num_reqs",
                        load.runningRequests() + load.waitingRequests(),
                        "num_waiting_reqs",
                        load.waitingRequests(),
                        "num_tokens",
                        load.usedTokens(),
                        "num_pending_tokens",
                        load.waitingTokens(),
                        "ts_tic",
                        System.nanoTime() * 1e-9))));
    }
}
