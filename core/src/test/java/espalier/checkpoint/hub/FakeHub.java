package espalier.checkpoint.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/**
 * Two servers that behave as the hub and its content network do: a listing; small files by a redirect within the hub, with
 * git's hash as ETag; large ones by a redirect to another host, with their SHA-256; ranges; refusals with X-Error-Code.
 * And, when told to, as a network does: a connection cut in the middle, a stall, altered bytes, a passing error.
 */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    static final String MODEL = "org/tiny";

    /** What goes wrong with one download of a file; each is used up once. */
    sealed interface Trouble {
        /** The connection ends after that many bytes. */
        record CutAfter(int bytes) implements Trouble {}

        /** No byte comes after that many, and the connection stays open. */
        record StallAfter(int bytes) implements Trouble {}

        /** A millisecond passes between pieces of that many bytes. */
        record Slow(int bytes) implements Trouble {}

        /** The last byte is another. */
        record Corrupt() implements Trouble {}

        /** The whole file comes, whatever range was asked for. */
        record NoRanges() implements Trouble {}

        record Status(int code) implements Trouble {}

        /** Nothing goes wrong. */
        record Fine() implements Trouble {}
    }

    /** Who may read. */
    enum Access {
        PUBLIC,
        TOKEN,
        GATED
    }

    record Seen(String method, String host, String path, String range, boolean token) {}

    final Queue<Seen> seen = new ConcurrentLinkedQueue<>();
    private final Map<String, byte[]> files = new TreeMap<>();
    private final Map<String, Queue<Trouble>> troubles = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final CountDownLatch closing = new CountDownLatch(1);
    private final HttpServer hub;
    private final HttpServer content;
    volatile Access access = Access.PUBLIC;

    FakeHub() {
        hub = start(this::answer);
        content = start(exchange -> {
            String path = exchange.getRequestURI().getPath();
            send(exchange, path.substring("/signed/".length()));
        });
    }

    /** Large files are those that end in .safetensors or .gguf. */
    FakeHub with(String name, byte[] bytes) {
        files.put(name, bytes);
        return this;
    }

    FakeHub with(String name, String text) {
        return with(name, text.getBytes(StandardCharsets.UTF_8));
    }

    List<String> names() {
        return List.copyOf(files.keySet());
    }

    void trouble(String name, Trouble... inOrder) {
        troubles.computeIfAbsent(name, n -> new ConcurrentLinkedQueue<>()).addAll(List.of(inOrder));
    }

    URI endpoint() {
        return address(hub);
    }

    /** The ranges of the file that were asked for, in order; {@code "null"} where all of it was. */
    List<String> downloads(String name) {
        return seen.stream()
                .filter(s -> s.method().equals("GET") && s.path().endsWith("/" + name))
                .filter(s -> s.path().contains("resolve-cache") || s.host().equals("content"))
                .map(Seen::range)
                .toList();
    }

    static String etag(String name, byte[] bytes) {
        if (isLarge(name)) {
            return hash("SHA-256", bytes);
        }
        byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(head, head.length + bytes.length);
        System.arraycopy(bytes, 0, all, head.length, bytes.length);
        return hash("SHA-1", all);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        boolean token = "Bearer secret".equals(exchange.getRequestHeaders().getFirst("Authorization"));
        if (access == Access.TOKEN && !token) {
            refuse(exchange, 401, "RepoNotFound");
        } else if (access == Access.GATED) {
            refuse(exchange, token ? 403 : 401, "GatedRepo");
        } else if (path.equals("/api/models/" + MODEL + "/revision/main")
                || path.equals("/api/models/" + MODEL + "/revision/refs/pr/1")
                || path.equals("/api/models/" + MODEL + "/revision/" + COMMIT)) {
            Trouble trouble = next("listing");
            if (trouble instanceof Trouble.Status(int code)) {
                refuse(exchange, code, "");
            } else {
                byte[] body = listing(files.keySet()).getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(200, body.length);
                write(exchange, body, 0, trouble);
            }
        } else if (path.startsWith("/api/models/" + MODEL)) {
            refuse(exchange, 404, "RevisionNotFound");
        } else if (path.matches("/" + MODEL + "/resolve/(main|" + COMMIT + ")/.*")) {
            resolve(exchange, path.replaceFirst("/" + MODEL + "/resolve/[^/]*/", ""));
        } else if (path.startsWith("/resolve-cache/")) {
            send(exchange, path.substring("/resolve-cache/".length()));
        } else {
            refuse(exchange, 404, "RepoNotFound");
        }
    }

    private String listing(Collection<String> names) {
        return names.stream()
                .map(name -> "{\"rfilename\":\"%s\",\"size\":%d}".formatted(name, files.get(name).length))
                .collect(Collectors.joining(",", "{\"sha\":\"" + COMMIT + "\",\"siblings\":[", "]}"));
    }

    private void resolve(HttpExchange exchange, String name) throws IOException {
        byte[] bytes = files.get(name);
        if (bytes == null) {
            refuse(exchange, 404, "EntryNotFound");
            return;
        }
        if (next("HEAD " + name) instanceof Trouble.Status(int code)) {
            refuse(exchange, code, "");
            return;
        }
        var headers = exchange.getResponseHeaders();
        headers.set("X-Repo-Commit", COMMIT);
        if (isLarge(name)) {
            headers.set("X-Linked-Etag", '"' + etag(name, bytes) + '"');
            headers.set("X-Linked-Size", String.valueOf(bytes.length));
            headers.set("ETag", "\"of-the-pointer\"");
            headers.set("Location", address(content) + "/signed/" + name + "?signature=1");
            exchange.sendResponseHeaders(302, -1);
        } else {
            headers.set("Location", "/resolve-cache/" + name);
            exchange.sendResponseHeaders(307, -1);
        }
        exchange.close();
    }

    private void send(HttpExchange exchange, String name) throws IOException {
        byte[] bytes = files.get(name).clone();
        exchange.getResponseHeaders().set("X-Repo-Commit", COMMIT);
        exchange.getResponseHeaders().set("ETag", "W/\"" + etag(name, bytes) + '"');
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", String.valueOf(bytes.length));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
            return;
        }
        Trouble trouble = next(name);
        if (trouble instanceof Trouble.Status(int code)) {
            refuse(exchange, code, "");
            return;
        }
        if (trouble instanceof Trouble.Corrupt) {
            bytes[bytes.length - 1] ^= 1;
        }
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null || trouble instanceof Trouble.NoRanges
                ? 0
                : Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
        if (from > 0) {
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes %d-%d/%d".formatted(from, bytes.length - 1, bytes.length));
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, bytes.length - from);
        write(exchange, bytes, from, trouble);
    }

    private void write(HttpExchange exchange, byte[] bytes, int from, Trouble trouble) throws IOException {
        var out = exchange.getResponseBody();
        switch (trouble) {
            case Trouble.CutAfter(int count) -> out.write(bytes, from, Math.min(count, bytes.length - from - 1));
            case Trouble.StallAfter(int count) -> {
                out.write(bytes, from, Math.min(count, bytes.length - from - 1));
                out.flush();
                try {
                    closing.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            case Trouble.Slow(int count) -> {
                for (int at = from; at < bytes.length; at += count) {
                    out.write(bytes, at, Math.min(count, bytes.length - at));
                    out.flush();
                    LockSupport.parkNanos(1_000_000);
                }
            }
            case null, default -> out.write(bytes, from, bytes.length - from);
        }
        out.flush();
        exchange.close();
    }

    private Trouble next(String name) {
        Queue<Trouble> queue = troubles.get(name);
        return queue == null ? null : queue.poll();
    }

    private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
        exchange.getResponseHeaders().set("X-Error-Code", code);
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }

    private interface Answer {
        void to(HttpExchange exchange) throws IOException;
    }

    private HttpServer start(Answer answer) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(threads);
            server.createContext("/", exchange -> {
                seen.add(new Seen(
                        exchange.getRequestMethod(),
                        server == hub ? "hub" : "content",
                        exchange.getRequestURI().getPath(),
                        String.valueOf(exchange.getRequestHeaders().getFirst("Range")),
                        exchange.getRequestHeaders().containsKey("Authorization")));
                answer.to(exchange);
            });
            server.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static URI address(HttpServer server) {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    private static boolean isLarge(String name) {
        return name.endsWith(".safetensors") || name.endsWith(".gguf");
    }

    private static String hash(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        closing.countDown();
        hub.stop(0);
        content.stop(0);
        threads.shutdownNow();
    }
}
