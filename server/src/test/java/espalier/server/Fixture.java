package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server in front of a fake engine, and a client for it. */
final class Fixture implements AutoCloseable {
    static final JsonMapper JSON = JsonMapper.builder().build();

    final FakeEngine engine = new FakeEngine();
    final Server server;
    private final HttpClient client = HttpClient.newHttpClient();

    Fixture() {
        this(ServerOptions.local(0));
    }

    Fixture(ServerOptions options) {
        server = Server.start(options.with(ServerOptions.Warmup.SKIP), engine);
    }

    static ServerOptions options() {
        return ServerOptions.local(0).withShutdownPatience(Duration.ofMillis(1));
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }

    HttpResponse<String> get(String path) throws Exception {
        return send(HttpRequest.newBuilder(uri(path)).GET().build());
    }

    HttpResponse<String> post(String path, String json) throws Exception {
        return send(HttpRequest.newBuilder(uri(path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build());
    }

    HttpResponse<String> send(HttpRequest request) throws Exception {
        return client.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    }

    /** Posts and expects 200 with a JSON body. */
    JsonNode postJson(String path, String json) throws Exception {
        HttpResponse<String> response = post(path, json.replace('\'', '"'));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return JSON.readTree(response.body());
    }

    /** The JSON of a stream's events, which has to end as streams do. */
    static List<JsonNode> events(String body) {
        assertThat(body).endsWith("\n\ndata: [DONE]\n\n");
        return Stream.of(body.split("\n\n"))
                .peek(e -> assertThat(e).startsWith("data: "))
                .map(e -> e.substring(6))
                .filter(e -> !e.equals("[DONE]"))
                .map(JSON::readTree)
                .toList();
    }

    /** The request that reached the engine last. */
    FakeCompletion started() throws InterruptedException {
        FakeCompletion completion = engine.started.poll(10, TimeUnit.SECONDS);
        assertThat(completion).as("no request reached the engine").isNotNull();
        return completion;
    }

    @Override
    public void close() {
        server.close();
    }
}
