package espalier.http;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request that has been read whole.
 *
 * @param path decoded, without the query
 * @param query as it was sent, without the question mark; empty when there is none
 * @param headers by name in lower case
 * @param peer address and port of the client
 */
public record Incoming(
        String method, String path, String query, Map<String, String> headers, byte[] body, String peer) {

    Incoming with(byte[] other) {
        return new Incoming(method, path, query, headers, other, peer);
    }

    public @Nullable String header(String name) {
        return headers.get(name.toLowerCase(Locale.ROOT));
    }

    /** The length of the body that the head announces; 0 where it tells none. */
    long declaredBytes() {
        String declared = header("content-length");
        try {
            return declared == null ? 0 : Long.parseLong(declared);
        } catch (NumberFormatException _) {
            return Long.MAX_VALUE; // more digits than a long holds
        }
    }

    /** The value of a query parameter, or null where it is not given. */
    public @Nullable String parameter(String name) {
        for (String pair : query.split("&")) {
            int equals = pair.indexOf('=');
            String key = equals < 0 ? pair : pair.substring(0, equals);
            if (key.equals(name)) {
                return equals < 0 ? "" : decoded(pair.substring(equals + 1));
            }
        }
        return null;
    }

    /** A path with its escapes resolved; one that has malformed escapes stays as it is. */
    static String decodedPath(String path) {
        return path.indexOf('%') < 0 ? path : decoded(path.replace("+", "%2B"));
    }

    private static String decoded(String value) {
        try {
            return URLDecoder.decode(value, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException _) {
            return value; // a stray per cent sign stands for itself
        }
    }
}
