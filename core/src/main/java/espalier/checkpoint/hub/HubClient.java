package espalier.checkpoint.hub;

import espalier.api.EngineFault;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The three questions that the hub is asked: which files a revision has, what one of them is, and its bytes. Redirects are
 * followed by hand, because the token goes to the endpoint and to nobody else. An {@link IOException} means that another
 * try may help; an {@link EngineFault} that it will not.
 */
final class HubClient implements AutoCloseable {
    private static final int MOST_HOPS = 8;
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration ANSWER = Duration.ofSeconds(60);
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{7,64}");
    private static final Pattern ETAG = Pattern.compile("[\\w-][\\w.-]{0,199}");
    private static final JsonMapper JSON = new JsonMapper();

    /** Of the listing, which is read into memory: room for 50,000 files. */
    private static final int MOST_LISTING_BYTES = 16 << 20;

    private final HubRequest request;
    private final Limits limits;
    private final HttpClient http = HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .build();

    HubClient(HubRequest request, Limits limits) {
        this.request = request;
        this.limits = limits;
    }

    /**
     * A revision's files.
     *
     * @param commit what the revision stands for now
     * @param bytes the size of each file by its path; -1 where the endpoint does not say
     */
    record Listing(String commit, Map<String, Long> bytes) {}

    Listing list() throws IOException {
        URI uri = URI.create(request.access().endpoint() + "/api/models/" + escape(request.model(), true) + "/revision/"
                + escape(request.revision(), false) + "?blobs=true");
        HttpResponse<InputStream> response = follow(uri, "GET", -1);
        byte[] body;
        try (var watched = new WatchedBody(response.body(), limits.stall())) {
            check(response);
            body = watched.readAll(MOST_LISTING_BYTES);
        }
        if (body.length > MOST_LISTING_BYTES) {
            throw HubErrors.fault(uri + " answers with more than " + (MOST_LISTING_BYTES >> 20) + " MiB; is "
                    + request.access().endpoint() + " a hub?");
        }
        try {
            return listing(uri, JSON.readTree(body));
        } catch (JacksonException e) {
            throw HubErrors.fault(uri + " answers with something that is not JSON; is "
                    + request.access().endpoint() + " a hub?");
        }
    }

    RemoteFile describe(Listing listing, String file) throws IOException {
        URI uri = URI.create(request.access().endpoint() + "/" + escape(request.model(), true) + "/resolve/"
                + listing.commit() + "/" + escape(file, true));
        HttpResponse<InputStream> response = follow(uri, "HEAD", -1);
        response.body().close();
        boolean elsewhere = isRedirect(response);
        if (!elsewhere) {
            check(response);
        }
        HttpHeaders headers = response.headers();
        String etag = headers.firstValue("X-Linked-Etag")
                .or(() -> headers.firstValue("ETag"))
                .map(HubClient::plainEtag)
                .orElse("");
        if (!ETAG.matcher(etag).matches()) {
            throw HubErrors.fault(uri + " answers with the ETag '" + etag + "', by which no file can be kept; is "
                    + request.access().endpoint() + " a hub?");
        }
        OptionalLong bytes = headers.firstValueAsLong("X-Linked-Size");
        if (bytes.isEmpty() && !elsewhere) {
            bytes = headers.firstValueAsLong("Content-Length");
        }
        long size = bytes.orElse(listing.bytes().getOrDefault(file, -1L));
        if (size < 0) {
            throw HubErrors.fault(uri + ": the endpoint does not say how large the file is");
        }
        return new RemoteFile(file, etag, size, elsewhere ? target(response) : response.uri());
    }

    /** The file's bytes from {@code from} on (status 206), or all of them (200); the caller closes the body. */
    HttpResponse<InputStream> open(RemoteFile file, long from) throws IOException {
        HttpResponse<InputStream> response = follow(file.location(), "GET", from);
        int hops = 0;
        while (isRedirect(response) && hops++ < MOST_HOPS) {
            response.body().close();
            response = follow(target(response), "GET", from);
        }
        int status = response.statusCode();
        if (status == 200 || status == 206 || status == 416) {
            return response;
        }
        response.body().close();
        if (!isOurs(response.uri())) {
            // A signed address expires; the next try asks for another.
            throw new IOException(response.uri().getHost() + " answers " + status);
        }
        check(response);
        throw new IOException(response.uri().getHost() + " answers " + status);
    }

    /** Follows redirects as long as they stay at the endpoint. */
    private HttpResponse<InputStream> follow(URI start, String method, long from) throws IOException {
        URI uri = start;
        for (int hop = 0; hop < MOST_HOPS; hop++) {
            HttpResponse<InputStream> response = send(uri, method, from);
            if (!isRedirect(response) || !isOurs(target(response))) {
                return response;
            }
            response.body().close();
            uri = target(response);
        }
        throw HubErrors.fault(start + " redirects in a circle");
    }

    private HttpResponse<InputStream> send(URI uri, String method, long from) throws IOException {
        HttpRequest.Builder builder = HttpRequest.newBuilder(uri)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .header("User-Agent", "espalier")
                // The sizes and ranges are those of the file, not of a compressed form.
                .header("Accept-Encoding", "identity");
        String token = request.access().token();
        if (token != null && isOurs(uri)) {
            builder.header("Authorization", "Bearer " + token);
        }
        if (from > 0) {
            builder.header("Range", "bytes=" + from + "-");
        }
        var answer = http.sendAsync(builder.build(), BodyHandlers.ofInputStream());
        try {
            // Not the request's own timeout, which later JDKs extend to the body: that may take hours.
            return answer.get(ANSWER.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            answer.cancel(true);
            throw Limits.interrupted();
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw new IOException(uri.getHost() + " does not answer within " + ANSWER.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            throw new IOException(uri.getHost() + ": " + reason(e.getCause()), e);
        }
    }

    /** The client's own words for these are empty. */
    private static String reason(@Nullable Throwable cause) {
        return switch (cause) {
            case ConnectException c when c.getCause() instanceof UnresolvedAddressException -> "no such host";
            case ConnectException _ -> "no connection";
            case HttpConnectTimeoutException _ -> "no connection within " + CONNECT.toSeconds() + " s";
            case null, default -> String.valueOf(cause);
        };
    }

    /** Throws unless the answer is a success. */
    private void check(HttpResponse<?> response) throws IOException {
        int status = response.statusCode();
        if (status == 408 || status == 429 || status >= 500) {
            throw new IOException(request.access().endpoint() + " answers " + status);
        }
        if (status / 100 != 2) {
            throw HubErrors.of(response, request);
        }
    }

    private Listing listing(URI uri, JsonNode json) {
        String commit = json.path("sha").asString("");
        JsonNode siblings = json.path("siblings");
        if (!COMMIT.matcher(commit).matches() || !siblings.isArray()) {
            throw HubErrors.fault(uri + " does not answer with a commit and its files; is "
                    + request.access().endpoint() + " a hub?");
        }
        Map<String, Long> bytes = new LinkedHashMap<>();
        for (JsonNode file : siblings) {
            bytes.put(file.path("rfilename").asString(""), file.path("size").asLong(-1));
        }
        return new Listing(commit, bytes);
    }

    private boolean isOurs(URI uri) {
        URI endpoint = request.access().endpoint();
        return endpoint.getScheme().equalsIgnoreCase(uri.getScheme())
                && endpoint.getAuthority().equalsIgnoreCase(uri.getAuthority());
    }

    private static boolean isRedirect(HttpResponse<?> response) {
        int status = response.statusCode();
        return status >= 300
                && status < 400
                && response.headers().firstValue("Location").isPresent();
    }

    private static URI target(HttpResponse<?> response) {
        String location = response.headers().firstValue("Location").orElse("");
        try {
            URI target = response.uri().resolve(location);
            if (HubAccess.isWeb(target)) {
                return target;
            }
        } catch (IllegalArgumentException e) {
            // As bad as an address of another kind.
        }
        throw HubErrors.fault(response.uri() + " redirects to '" + location + "', which is no web address");
    }

    private static String plainEtag(String etag) {
        return (etag.startsWith("W/") ? etag.substring(2) : etag).replace("\"", "");
    }

    /** Percent-encodes everything but letters, digits, {@code -._~}, and slashes where they separate. */
    static String escape(String text, boolean slashesSeparate) {
        StringBuilder escaped = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 255);
            boolean plain = c < 128 && (Character.isLetterOrDigit(c) || "-._~".indexOf(c) >= 0);
            if (plain || (slashesSeparate && c == '/')) {
                escaped.append(c);
            } else {
                escaped.append(String.format("%%%02X", (int) c));
            }
        }
        return escaped.toString();
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }
}
