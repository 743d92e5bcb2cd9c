package espalier.load;

import espalier.api.RequestRejected;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** A server that answers in streams. */
final class HttpTarget implements Target, AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final int MOST_ATTEMPTS = 3;
    /** Of an answer that nobody can read. */
    private static final int SHOWN_CHARACTERS = 60;

    private final HttpClient client;
    private final String url;
    private final @Nullable String apiKey;
    private final Backend backend;
    private String model = "default";

    HttpTarget(String url, @Nullable String apiKey, Backend backend) {
        this.backend = backend;
        this.client =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        requireAddress(url);
        // OpenAI's clients are given an address that ends in /v1; the paths here say it themselves.
        this.url = url.replaceFirst("/+(v1/*)?$", "");
        this.apiKey = apiKey;
    }

    private static void requireAddress(String url) {
        try {
            HttpRequest.newBuilder(URI.create(url)); // wants http or https, and a host
        } catch (IllegalArgumentException e) {
            throw RequestRejected.invalid(
                    "--base-url", "--base-url takes an address such as http://127.0.0.1:30000, got '" + url + "'");
        }
    }

    /** Names the model in requests from now on. */
    void ask(String named) {
        model = named;
    }

    /** The first that the server lists; "default", which many take for any, where it lists none. */
    String firstModel() throws IOException, InterruptedException {
        HttpResponse<String> answer = answer("/v1/models");
        return answer.statusCode() != 200
                ? "default"
                : json("/v1/models", answer.body())
                        .path("data")
                        .path(0)
                        .path("id")
                        .asString("default");
    }

    /** A JSON answer to a GET, or a message that names the address. */
    JsonNode get(String path) throws IOException, InterruptedException {
        HttpResponse<String> answer = answer(path);
        if (answer.statusCode() != 200) {
            throw new IOException("GET " + url + path + " answered " + answer.statusCode());
        }
        return json(path, answer.body());
    }

    private HttpResponse<String> answer(String path) throws IOException, InterruptedException {
        try {
            return client.send(request(path).GET().build(), HttpResponse.BodyHandlers.ofString());
        } catch (ConnectException e) {
            throw new IOException(
                    "nothing answers at " + url + "; start a server (espalier serve) or name another with --base-url",
                    e);
        } catch (IOException e) {
            throw new IOException("GET " + url + path + ": " + e, e);
        }
    }

    /** What was said there, or a message that shows how it begins: any web server may stand at an address. */
    private JsonNode json(String path, String said) throws IOException {
        try {
            return JSON.readTree(said);
        } catch (JacksonException e) {
            throw new IOException(
                    url + path + " answers what is not JSON (" + beginning(said)
                            + "); name a server of language models with --base-url, and its API with --backend",
                    e);
        }
    }

    /** Of an answer, in one line. */
    private static String beginning(String said) {
        String line = said.strip().replaceAll("\\s+", " ");
        return line.length() <= SHOWN_CHARACTERS ? line : line.substring(0, SHOWN_CHARACTERS) + "...";
    }

    void flushCache() throws IOException, InterruptedException {
        client.send(
                request("/flush_cache")
                        .POST(HttpRequest.BodyPublishers.noBody())
                        .build(),
                HttpResponse.BodyHandlers.discarding());
    }

    @Override
    public Outcome serve(Workload.Item item) throws InterruptedException {
        long begun = System.nanoTime();
        int in = item.prompt().size();
        String body = JSON.writeValueAsString(backend.body(model, item));
        try {
            var answer = send(request(backend.path())
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build());
            try (var lines = new BufferedReader(new InputStreamReader(answer.body(), StandardCharsets.UTF_8))) {
                if (answer.statusCode() != 200) {
                    return Outcome.failed(in, begun, answer.statusCode() + " " + lines.readLine());
                }
                return read(lines, in, begun);
            }
        } catch (IOException e) {
            return Outcome.failed(in, begun, e.toString());
        }
    }

    /**
     * The answer, once its head is there. A server may close a connection that has been idle just when it is used again
     * (llama-server does after five seconds), and the client repeats no POST of itself. What fails before the head of an
     * answer is therefore sent again; the time that it took counts as the request's.
     */
    private HttpResponse<InputStream> send(HttpRequest request) throws IOException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                return client.send(request, HttpResponse.BodyHandlers.ofInputStream());
            } catch (ConnectException e) {
                throw e;
            } catch (IOException e) {
                if (attempt == MOST_ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    private Outcome read(BufferedReader lines, int in, long begun) throws IOException {
        var received = new Received(System::nanoTime);
        int events = 0;
        String stray = "";
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (!line.startsWith("data: ")) {
                stray = stray.isBlank() ? line : stray;
                continue;
            }
            events++;
            if (line.equals("data: [DONE]")) {
                continue;
            }
            JsonNode event = json(backend.path(), line.substring("data: ".length()));
            if (event.has("error")) {
                return Outcome.failed(
                        in, begun, event.path("error").path("message").asString(""));
            }
            backend.read(event, received);
        }
        if (events == 0) {
            throw new IOException(url + backend.path() + " answers no stream of events (" + beginning(stray) + ")");
        }
        long[] at = received.times();
        return new Outcome(in, at.length, received.counted(), received.cached(), begun, at, System.nanoTime(), null);
    }

    private HttpRequest.Builder request(String path) {
        var request = HttpRequest.newBuilder(URI.create(url + path)).header("Content-Type", "application/json");
        return apiKey == null ? request : request.header("Authorization", "Bearer " + apiKey);
    }

    @Override
    public void close() {
        client.close();
    }
}
