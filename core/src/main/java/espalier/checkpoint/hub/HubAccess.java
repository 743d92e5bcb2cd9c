package espalier.checkpoint.hub;

import espalier.api.EngineFault;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Where the hub and its local cache are, and who asks.
 *
 * @param endpoint scheme, host and maybe a path, without a slash at the end
 * @param token sent to the endpoint and to no other host; null for none
 * @param cacheFolder the folder that holds {@code models--org--name}, as the huggingface_hub library lays it out
 */
public record HubAccess(URI endpoint, @Nullable String token, Path cacheFolder, Mode mode) {
    /** Whether the network may be used. */
    public enum Mode {
        ONLINE,
        /** Only what is cached. */
        OFFLINE
    }

    private static final Set<String> TRUE = Set.of("1", "true", "yes", "on");

    /** @throws EngineFault CHECKPOINT where the endpoint is no web address, or the token nothing that could be sent */
    public HubAccess {
        String text = endpoint.toString();
        if (!isWeb(endpoint)) {
            throw HubErrors.fault(
                    "HF_ENDPOINT is '" + text + "'; an address such as https://huggingface.co is expected");
        }
        if (text.endsWith("/")) {
            endpoint = URI.create(text.replaceAll("/+$", ""));
        }
        token = token == null || token.isBlank() ? null : sound(token.strip());
    }

    /** Whether requests can be sent there. */
    static boolean isWeb(URI uri) {
        return uri.getHost() != null
                && ("https".equalsIgnoreCase(uri.getScheme()) || "http".equalsIgnoreCase(uri.getScheme()));
    }

    /** A token that no header can carry is refused here: the HTTP client's own refusal would print it. */
    private static String sound(String token) {
        for (int i = 0; i < token.length(); i++) {
            if (token.charAt(i) <= ' ' || token.charAt(i) > '~') {
                throw HubErrors.fault(
                        "the token for the hub (--hf-token, HF_TOKEN, or the file that a login left) cannot"
                                + " be sent: character " + (i + 1) + " of " + token.length()
                                + " is not one that tokens are made of; copy it again");
            }
        }
        return token;
    }

    /**
     * As the huggingface_hub library reads its variables: HF_ENDPOINT; HF_TOKEN, or else the file HF_TOKEN_PATH, or else
     * the file {@code token} in HF_HOME; HF_HUB_CACHE, or else {@code hub} in HF_HOME, which is by default
     * {@code huggingface} in XDG_CACHE_HOME or in {@code ~/.cache}; HF_HUB_OFFLINE.
     *
     * @param environment gives a variable's value, or null
     * @param home the user's home folder
     * @throws EngineFault CHECKPOINT where endpoint or token is nothing that could be used
     */
    public static HubAccess of(Function<String, @Nullable String> environment, Path home) {
        Path caches = path(environment, "XDG_CACHE_HOME", home, home.resolve(".cache"));
        Path hfHome = path(environment, "HF_HOME", home, caches.resolve("huggingface"));
        String endpoint = value(environment, "HF_ENDPOINT");
        String offline = value(environment, "HF_HUB_OFFLINE");
        return new HubAccess(
                endpoint == null ? URI.create("https://huggingface.co") : endpoint(endpoint),
                token(environment, home, hfHome),
                path(environment, "HF_HUB_CACHE", home, hfHome.resolve("hub")),
                offline != null && TRUE.contains(offline.toLowerCase(Locale.ROOT)) ? Mode.OFFLINE : Mode.ONLINE);
    }

    private static URI endpoint(String text) {
        try {
            return new URI(text);
        } catch (URISyntaxException e) {
            throw HubErrors.fault("HF_ENDPOINT is '" + text + "', which is no address: " + e.getReason());
        }
    }

    public HubAccess withToken(@Nullable String newToken) {
        return new HubAccess(endpoint, newToken, cacheFolder, mode);
    }

    public HubAccess withCacheFolder(Path folder) {
        return new HubAccess(endpoint, token, folder, mode);
    }

    /** Without the token, which belongs into no log. */
    @Override
    public String toString() {
        return "HubAccess[" + endpoint + (token == null ? "" : " with a token") + ", " + cacheFolder + ", " + mode
                + "]";
    }

    private static @Nullable String token(Function<String, @Nullable String> environment, Path home, Path hfHome) {
        String token = value(environment, "HF_TOKEN");
        if (token != null) {
            return token;
        }
        Path file = path(environment, "HF_TOKEN_PATH", home, hfHome.resolve("token"));
        try {
            String stored = Files.isRegularFile(file) ? Files.readString(file).strip() : "";
            return stored.isEmpty() ? null : stored;
        } catch (IOException e) {
            // A token that this user may not read is no token; a model that needs one says so.
            return null;
        }
    }

    private static Path path(Function<String, @Nullable String> environment, String name, Path home, Path otherwise) {
        String value = value(environment, name);
        if (value == null) {
            return otherwise;
        }
        return value.equals("~") || value.startsWith("~/")
                ? home.resolve(value.substring(1).replaceFirst("^/", ""))
                : Path.of(value);
    }

    private static @Nullable String value(Function<String, @Nullable String> environment, String name) {
        String value = environment.apply(name);
        return value == null || value.isBlank() ? null : value.strip();
    }
}
