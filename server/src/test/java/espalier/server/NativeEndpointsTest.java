package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission.FinishReason;
import espalier.api.RequestRejected;
import espalier.http.ApiKeys;
import espalier.serving.ServingOptions;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class NativeEndpointsTest {
    private Fixture fixture;

    @BeforeEach
    void start() {
        var serving =
                new ServingOptions(false, false, Duration.ofMillis(200), Map.of("model_path", "m", "tp_size", 1), "9");
        fixture = new Fixture(Fixture.options().with(serving).with(ServerOptions.Metrics.ON));
    }

    @AfterEach
    void stop() {
        fixture.close();
    }

    @Test
    void modelsAreListedAndFoundByName() throws Exception {
        String card = "{\"id\":\"demo\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"espalier\","
                + "\"root\":\"demo\",\"parent\":null,\"max_model_len\":2048}";
        assertThat(fixture.get("/v1/models").body()).isEqualTo("{\"object\":\"list\",\"data\":[" + card + "]}");
        assertThat(fixture.get("/v1/models/demo").body()).isEqualTo(card);

        HttpResponse<String> unknown = fixture.get("/v1/models/org/other%20one");
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(unknown.body())
                .contains("\"error\":{\"message\":\"The model 'org/other one' does not exist\","
                        + "\"type\":\"invalid_request_error\",\"param\":\"model\",\"code\":\"model_not_found\"}}");
    }

    @Test
    void infoHasWhatClientsOfSglangRead() throws Exception {
        fixture.engine.running = 3;
        fixture.engine.waiting = 2;
        JsonNode model = Fixture.JSON.readTree(fixture.get("/get_model_info").body());
        assertThat(model)
                .isEqualTo(Fixture.JSON.readTree(fixture.get("/model_info").body()));
        assertThat(model.at("/model_path").asString()).isEqualTo("models/demo");
        assertThat(model.at("/is_generation").asBoolean()).isTrue();
        assertThat(model.at("/architectures/0").asString()).isEqualTo("Qwen3ForCausalLM");
        assertThat(model.at("/preferred_sampling_params").isNull()).isTrue();

        JsonNode server = Fixture.JSON.readTree(fixture.get("/server_info").body());
        assertThat(server.at("/tp_size").asInt()).isEqualTo(1);
        assertThat(server.at("/max_total_num_tokens").asInt()).isEqualTo(100_000);
        assertThat(server.at("/vocab_size").asInt()).isEqualTo(FakeEngine.VOCAB);
        assertThat(server.at("/internal_states/0/last_gen_throughput").asDouble())
                .isEqualTo(12.5);
        assertThat(server.at("/version").asString()).isEqualTo("9");
        assertThat(fixture.get("/get_server_info").statusCode()).isEqualTo(200);
        assertThat(Fixture.JSON
                        .readTree(fixture.get("/v1/loads").body())
                        .at("/loads/0/num_waiting_reqs")
                        .asInt())
                .isEqualTo(2);
        assertThat(Fixture.JSON
                        .readTree(fixture.get("/get_load").body())
                        .at("/0/num_reqs")
                        .asInt())
                .isEqualTo(5);
        assertThat(Fixture.JSON
                        .readTree(fixture.get("/get_load").body())
                        .at("/0/num_pending_tokens")
                        .asInt())
                .isEqualTo(60);
    }

    @Test
    void smallThingsAnswer() throws Exception {
        assertThat(fixture.get("/").body()).isEqualTo("Espalier is running");
        assertThat(fixture.get("/ping").statusCode()).isEqualTo(200);
        assertThat(fixture.get("/weight_version").statusCode()).isEqualTo(404);
        assertThat(fixture.get("/v1/loads?include=core,queues").statusCode()).isEqualTo(200);
        assertThat(fixture.get("/v1/loads?include=core,magic").statusCode()).isEqualTo(400);
        HttpResponse<String> head = fixture.send(HttpRequest.newBuilder(fixture.uri("/"))
                .method("HEAD", HttpRequest.BodyPublishers.noBody())
                .build());
        assertThat(head.statusCode()).isEqualTo(200);
        assertThat(head.body()).isEmpty();
    }

    @Test
    void healthAsksAnIdleEngineForAToken() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        HttpResponse<String> silent = fixture.get("/health_generate");
        assertThat(silent.statusCode()).isEqualTo(503);
        assertThat(silent.body()).isEmpty();
        FakeCompletion probe = fixture.started();
        assertThat(probe.request.rid()).startsWith("HEALTH_CHECK");
        assertThat(probe.request.sampling().maxNewTokens()).isEqualTo(1);
        assertThat(probe.cancelled.await(10, TimeUnit.SECONDS)).isTrue();

        fixture.engine.script = FakeEngine.HELLO;
        assertThat(fixture.get("/health").statusCode()).isEqualTo(200);
        fixture.engine.healthy = false;
        assertThat(fixture.get("/health").statusCode()).isEqualTo(503);
    }

    @Test
    void healthOfABusyEngineIsSeenFromItsTokens() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        fixture.engine.running = 1;
        var client = CompletableFuture.supplyAsync(() -> unchecked("/generate", "{\"text\":\"a\"}"));
        FakeCompletion busy = fixture.started();
        assertThat(fixture.get("/health").statusCode()).isEqualTo(503);
        assertThat(fixture.started().request.rid()).as("it stood still").startsWith("HEALTH_CHECK");

        var talker = Thread.ofVirtual().start(() -> {
            while (!Thread.currentThread().isInterrupted()) {
                busy.say(0, 1, "a");
                Thread.yield();
            }
        });
        assertThat(fixture.get("/health").statusCode()).isEqualTo(200);
        assertThat(fixture.engine.started).isEmpty();
        talker.interrupt();
        talker.join();
        busy.close();
        assertThat(client.get(10, TimeUnit.SECONDS)).isEqualTo(200);
    }

    @Test
    void aClientThatReadsNoMoreDoesNotMakeTheEngineLookDead() throws Exception {
        fixture.engine.script = c -> c.say(0, 1, "x".repeat(32 << 20));
        try (var stalled = new Wire(fixture.server.port())) {
            stalled.send(Wire.post("/generate", "{\"text\":\"a\",\"stream\":true}"));
            stalled.readTo("xxx");
            fixture.engine.script = FakeEngine.HELLO;
            assertThat(fixture.get("/health").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aProbeFindsAFullQueueAliveWhileStepsAreMade() throws Exception {
        fixture.engine.running = 1;
        fixture.engine.refusal = new RequestRejected(RequestRejected.Code.OVERLOADED, "The queue is full", null);
        assertThat(fixture.get("/health").statusCode()).isEqualTo(503);
        var stepper = Thread.ofVirtual().start(() -> {
            while (!Thread.currentThread().isInterrupted()) {
                fixture.engine.steps.incrementAndGet();
                Thread.yield();
            }
        });
        assertThat(fixture.get("/health").statusCode()).isEqualTo(200);
        stepper.interrupt();
        stepper.join();
    }

    @Test
    void probesAreNotCountedAsRequests() throws Exception {
        assertThat(fixture.get("/health").statusCode()).isEqualTo(200);
        FakeCompletion probe = fixture.started();
        assertThat(probe.request.cacheSalt())
                .as("no prompt of a user meets it in the cache")
                .isNotEmpty();
        assertThat(fixture.get("/metrics").body().lines())
                .contains(
                        "sglang:num_requests_total{model_name=\"demo\"} 0.0",
                        "sglang:time_to_first_token_seconds_count{model_name=\"demo\"} 0.0");
    }

    @Test
    void theCacheIsFlushedUnlessRequestsAreOpen() throws Exception {
        assertThat(fixture.post("/flush_cache", "").statusCode()).isEqualTo(200);
        assertThat(fixture.get("/flush_cache").body()).startsWith("Cache flushed.\nPlease check backend logs");
        fixture.engine.idle = false;
        assertThat(fixture.get("/flush_cache?timeout=0.05").statusCode()).isEqualTo(400);
        assertThat(fixture.get("/flush_cache?timeout=soon").statusCode()).isEqualTo(400);
    }

    @Test
    void aRequestIsAbortedByTheBeginningOfItsName() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        var client = CompletableFuture.supplyAsync(() -> unchecked("/generate", "{\"text\":\"a\",\"rid\":\"job-17\"}"));
        FakeCompletion open = fixture.started();

        fixture.post("/abort_request", "{\"rid\":\"other\"}");
        assertThat(open.cancelled.getCount()).isEqualTo(1);
        assertThat(fixture.post("/abort_request", "{\"rid\":\"job\"}").statusCode())
                .isEqualTo(200);
        assertThat(open.cancelled.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(client.get(10, TimeUnit.SECONDS)).isEqualTo(200);
        assertThat(fixture.post("/abort_request", "{}").statusCode()).isEqualTo(400);
    }

    @Test
    void allRequestsAreAbortedAtOnce() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        var one = CompletableFuture.supplyAsync(() -> unchecked("/generate", "{\"text\":[\"a\",\"b\"]}"));
        fixture.started();
        fixture.started();
        fixture.post("/abort_request", "{\"abort_all\":true}");
        assertThat(one.get(10, TimeUnit.SECONDS)).isEqualTo(200);
    }

    @Test
    void aNameThatIsInUseIsRefused() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        var client = CompletableFuture.supplyAsync(() -> unchecked("/generate", "{\"text\":\"a\",\"rid\":\"x\"}"));
        FakeCompletion first = fixture.started();
        HttpResponse<String> second = fixture.post("/generate", "{\"text\":\"a\",\"rid\":\"x\"}");
        assertThat(second.statusCode()).isEqualTo(400);
        assertThat(second.body()).contains("Duplicate request ID detected: x");
        first.close();
        client.get(10, TimeUnit.SECONDS);
        fixture.engine.script = FakeEngine.HELLO;
        assertThat(fixture.post("/generate", "{\"text\":\"a\",\"rid\":\"x\"}").statusCode())
                .isEqualTo(200);
    }

    @Test
    void textBecomesIdsAndIdsBecomeText() throws Exception {
        assertThat(fixture.post("/tokenize", "{\"prompt\":\"<7>\"}").body())
                .isEqualTo("{\"tokens\":[7],\"count\":1,\"max_model_len\":2048}");
        assertThat(fixture.post("/v1/tokenize", "{\"prompt\":[\"<7>\",\"<8>\"],\"add_special_tokens\":false}")
                        .body())
                .isEqualTo("{\"tokens\":[[7],[8]],\"count\":[1,1],\"max_model_len\":2048}");
        assertThat(fixture.post("/tokenize", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}")
                        .body())
                .isEqualTo("{\"tokens\":[0],\"count\":1,\"max_model_len\":2048}");
        assertThat(fixture.post("/tokenize", "{}").statusCode()).isEqualTo(400);
        assertThat(fixture.post("/detokenize", "{\"tokens\":[1,2]}").body()).isEqualTo("{\"text\":\"<1><2>\"}");
        assertThat(fixture.post("/v1/detokenize", "{\"tokens\":[[1],[2,3]]}").body())
                .isEqualTo("{\"text\":[\"<1>\",\"<2><3>\"]}");
        assertThat(fixture.post("/detokenize", "{\"tokens\":[1000]}").statusCode())
                .isEqualTo(400);
    }

    @Test
    void metricsCarrySglangsNames() throws Exception {
        fixture.engine.running = 3;
        fixture.engine.waiting = 2;
        fixture.post("/generate", "{\"text\":\"a\",\"sampling_params\":{\"n\":2}}");
        fixture.engine.script = c -> {
            c.finish(0, FinishReason.ABORT, null);
            c.finish(1, FinishReason.ABORT, null);
        };
        fixture.post("/generate", "{\"text\":\"a\",\"sampling_params\":{\"n\":2}}");
        HttpResponse<String> response = fixture.get("/metrics");
        String engine = "{model_name=\"demo\",engine_type=\"unified\",tp_rank=\"0\",pp_rank=\"0\",moe_ep_rank=\"0\"}";
        assertThat(response.headers().firstValue("content-type").orElseThrow()).startsWith("text/plain; version=0.0.4");
        assertThat(response.body().lines())
                .contains(
                        "# TYPE sglang:num_running_reqs gauge",
                        "sglang:num_running_reqs" + engine + " 3.0",
                        "sglang:num_queue_reqs" + engine + " 2.0",
                        "sglang:token_usage" + engine + " 0.005",
                        "sglang:gen_throughput" + engine + " 12.5",
                        "sglang:cache_hit_rate" + engine + " 0.4",
                        "# TYPE sglang:num_retracted_requests_total counter",
                        "sglang:num_retracted_requests_total" + engine + " 4.0",
                        "sglang:num_requests_total{model_name=\"demo\"} 2.0",
                        "sglang:num_aborted_requests_total{model_name=\"demo\"} 1.0",
                        "sglang:prompt_tokens_total{model_name=\"demo\"} 14.0",
                        "sglang:generation_tokens_total{model_name=\"demo\"} 4.0",
                        "sglang:cached_tokens_total{model_name=\"demo\",cache_source=\"device\"} 6.0",
                        "sglang:time_to_first_token_seconds_count{model_name=\"demo\"} 1.0",
                        "sglang:inter_token_latency_seconds_count{model_name=\"demo\"} 3.0",
                        "sglang:e2e_request_latency_seconds_bucket{model_name=\"demo\",le=\"+Inf\"} 2.0",
                        "sglang:e2e_request_latency_seconds_bucket{model_name=\"demo\",le=\"2400.0\"} 2.0");
    }

    @Test
    void whatAFullQueueRefusesIsNeitherProcessedNorAborted() throws Exception {
        var full = new RequestRejected(RequestRejected.Code.OVERLOADED, "The request queue is full.", null);
        fixture.engine.script = c -> c.fail(0, full);
        for (String path : new String[] {"/generate", "/v1/completions"}) {
            HttpResponse<String> response = fixture.post(path, "{\"text\":\"a\",\"prompt\":\"a\"}");
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.headers().firstValue("retry-after")).contains("1");
            assertThat(response.body()).contains("The request queue is full.");
        }
        assertThat(fixture.get("/metrics").body().lines())
                .contains(
                        "sglang:num_requests_total{model_name=\"demo\"} 0.0",
                        "sglang:num_aborted_requests_total{model_name=\"demo\"} 0.0",
                        "sglang:prompt_tokens_total{model_name=\"demo\"} 0.0",
                        "sglang:e2e_request_latency_seconds_count{model_name=\"demo\"} 0.0");
    }

    @Test
    void errorsOfAPathHaveOneShapeWhateverTheyAreOf() throws Exception {
        for (var each : Map.of("/flush_cache?timeout=soon", 400, "/nowhere", 404, "/generate", 405)
                .entrySet()) {
            HttpResponse<String> response = fixture.get(each.getKey());
            assertThat(response.statusCode()).isEqualTo(each.getValue());
            JsonNode body = Fixture.JSON.readTree(response.body());
            assertThat(body).hasSize(1);
            assertThat(body.at("/error")).hasSize(1);
            assertThat(body.at("/error/message").isString()).isTrue();
        }
        for (var each : Map.of("/v1/models/x", 404, "/v1/nowhere", 404, "/v1/completions", 405)
                .entrySet()) {
            HttpResponse<String> response = fixture.get(each.getKey());
            assertThat(response.statusCode()).isEqualTo(each.getValue());
            JsonNode body = Fixture.JSON.readTree(response.body());
            for (String field : new String[] {"message", "type", "param", "code"}) {
                assertThat(body.at("/error").has(field)).as(field).isTrue();
                assertThat(body.at("/" + field)).as(field).isEqualTo(body.at("/error/" + field));
            }
            assertThat(body.at("/object").asString()).isEqualTo("error");
            assertThat(body.at("/type").asString()).isEqualTo("invalid_request_error");
        }
    }

    @Test
    void withoutEnableMetricsThereAreNone() throws Exception {
        try (var other = new Fixture()) {
            assertThat(other.get("/metrics").statusCode()).isEqualTo(404);
        }
    }

    @Test
    void keysGuardEverythingButProbesAndMetrics() throws Exception {
        try (var guarded = new Fixture(
                Fixture.options().with(new ApiKeys("user-key", "admin-key")).with(ServerOptions.Metrics.ON))) {
            HttpResponse<String> refused = guarded.get("/v1/models");
            assertThat(refused.statusCode()).isEqualTo(401);
            assertThat(refused.headers().firstValue("www-authenticate")).contains("Bearer");
            assertThat(refused.body()).contains("Unauthorized", "authentication_error");
            assertThat(guarded.get("/health").statusCode()).isEqualTo(200);
            assertThat(guarded.get("/metrics").statusCode()).isEqualTo(200);
            assertThat(status(guarded, "/v1/models", "user-key")).isEqualTo(200);
            assertThat(status(guarded, "/v1/models", "other")).isEqualTo(401);
            assertThat(status(guarded, "/nowhere", "user-key")).isEqualTo(404);
            assertThat(guarded.get("/nowhere").statusCode()).isEqualTo(401);
            assertThat(status(guarded, "/flush_cache", "user-key")).isEqualTo(401);
            assertThat(status(guarded, "/flush_cache", "admin-key")).isEqualTo(200);
        }
        try (var guarded = new Fixture(Fixture.options().with(new ApiKeys("user-key", null)))) {
            assertThat(status(guarded, "/flush_cache", "user-key")).isEqualTo(200);
        }
    }

    @Test
    void browsersMayCallFromAnyPage() throws Exception {
        HttpResponse<String> preflight = fixture.send(HttpRequest.newBuilder(fixture.uri("/v1/models"))
                .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
                .header("Origin", "http://a.page")
                .header("Access-Control-Request-Method", "GET")
                .header("Access-Control-Request-Headers", "authorization")
                .build());
        assertThat(preflight.statusCode()).isEqualTo(200);
        assertThat(preflight.headers().firstValue("access-control-allow-origin"))
                .contains("*");
        assertThat(preflight.headers().firstValue("access-control-allow-headers"))
                .contains("authorization");
        HttpResponse<String> call = fixture.send(HttpRequest.newBuilder(fixture.uri("/v1/models"))
                .header("Origin", "http://a.page")
                .build());
        assertThat(call.headers().firstValue("access-control-allow-origin")).contains("*");
    }

    private int unchecked(String path, String json) {
        try {
            return fixture.post(path, json).statusCode();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static int status(Fixture fixture, String path, String key) throws Exception {
        return fixture.send(HttpRequest.newBuilder(fixture.uri(path))
                        .header("Authorization", "Bearer " + key)
                        .build())
                .statusCode();
    }
}
