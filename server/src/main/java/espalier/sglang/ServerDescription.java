package espalier.sglang;

import espalier.api.EngineInfo;
import espalier.api.EngineLoad;
import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.Reply;
import espalier.serving.Service;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code GET /server_info}, and {@code /get_server_info}: every argument, and the engine's state. */
public final class ServerDescription implements Endpoint {
    private final Service service;

    public ServerDescription(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        EngineInfo info = service.engine().engine().info();
        EngineLoad load = service.engine().engine().load();
        var all = new LinkedHashMap<String, @Nullable Object>(service.options().arguments());
        all.put("status", service.phase().name().toLowerCase(java.util.Locale.ROOT));
        all.put("vocab_size", info.vocabSize());
        all.put("max_total_num_tokens", info.maxTotalTokens());
        all.put("max_req_input_len", info.contextLength() - 1);
        all.put("device", info.device());
        all.put(
                "internal_states",
                List.of(Json.object(
                        "last_gen_throughput",
                        load.generationThroughput(),
                        "effective_max_running_requests_per_dp",
                        info.maxRunningRequests(),
                        "memory_usage",
                        Json.object("token_capacity", info.maxTotalTokens()),
                        "num_running_reqs",
                        load.runningRequests(),
                        "num_waiting_reqs",
                        load.waitingRequests(),
                        "num_retractions",
                        load.retractions())));
        all.put("version", service.options().version());
        exchange.reply(Reply.json(200, all));
    }
}
