package espalier.server;

import static espalier.http.Access.ADMIN;
import static espalier.http.Access.USER;

import espalier.http.Endpoint;
import espalier.http.ErrorReply;
import espalier.http.Reply;
import espalier.http.Routes;
import espalier.metrics.MetricsRegistry;
import espalier.openai.ChatCompletions;
import espalier.openai.Completions;
import espalier.openai.Detokenize;
import espalier.openai.Models;
import espalier.openai.Tokenize;
import espalier.serving.Service;
import espalier.sglang.AbortRequest;
import espalier.sglang.FlushCache;
import espalier.sglang.Generate;
import espalier.sglang.Health;
import espalier.sglang.Loads;
import espalier.sglang.ModelDescription;
import espalier.sglang.Profiling;
import espalier.sglang.ServerDescription;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Every endpoint and its path. To add one: a class that implements {@link Endpoint}, and a line here. */
final class Endpoints {
    private Endpoints() {}

    static Routes of(Service service, ServerOptions options) {
        var profiling = new Profiling(service);
        var routes = new Routes(options.keys())
                .on("POST", "/v1/chat/completions", USER, new ChatCompletions(service))
                .on("POST", "/invocations", USER, new ChatCompletions(service))
                .on("POST", "/v1/completions", USER, new Completions(service))
                .on("GET", "/v1/models", USER, new Models(service))
                .on("GET", "/v1/models/*", USER, new Models(service))
                .on("POST,PUT", "/generate", USER, new Generate(service))
                .on("POST", "/tokenize", USER, new Tokenize(service))
                .on("POST", "/v1/tokenize", USER, new Tokenize(service))
                .on("POST", "/detokenize", USER, new Detokenize(service))
                .on("POST", "/v1/detokenize", USER, new Detokenize(service))
                .on("GET", "/health", USER, new Health(service))
                .on("GET", "/health_generate", USER, new Health(service))
                .on("GET", "/ping", USER, text(200, ""))
                .on("GET,HEAD", "/", USER, text(200, "Espalier is running"))
                .on("GET", "/model_info", USER, new ModelDescription(service))
                .on("GET", "/get_model_info", USER, new ModelDescription(service))
                .on("GET", "/weight_version", USER, moved("/model_info"))
                .on("GET", "/get_weight_version", USER, moved("/model_info"))
                .on("GET", "/server_info", USER, new ServerDescription(service))
                .on("GET", "/get_server_info", USER, new ServerDescription(service))
                .on("GET", "/v1/loads", USER, new Loads(service).current())
                .on("GET", "/get_load", USER, new Loads(service).legacy())
                .on("GET,POST", "/flush_cache", ADMIN, new FlushCache(service))
                .on("GET,POST", "/start_profile", ADMIN, profiling.start())
                .on("GET,POST", "/stop_profile", ADMIN, profiling.stop())
                .on("POST", "/abort_request", ADMIN, new AbortRequest(service));
        return options.metrics() == ServerOptions.Metrics.ON
                ? routes.on("GET", "/metrics", USER, metrics(service))
                : routes;
    }

    private static Endpoint text(int status, String text) {
        return exchange -> exchange.reply(Reply.text(status, text));
    }

    private static Endpoint moved(String path) {
        return exchange -> exchange.reply(ErrorReply.to(
                exchange.incoming().path(), 404, "this endpoint has gone; " + path + " tells the weight version"));
    }

    private static Endpoint metrics(Service service) {
        return exchange -> exchange.reply(new Reply(
                200,
                MetricsRegistry.CONTENT_TYPE,
                service.metrics().text().getBytes(StandardCharsets.UTF_8),
                Map.of()));
    }
}
