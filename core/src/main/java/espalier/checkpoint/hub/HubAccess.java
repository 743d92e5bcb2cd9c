package espalier.checkpoint.hub;

import java.io.IOException;
import java.net.URI;
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

    public HubAccess {
        String text = endpoint.toString();
        if (text.endsWith("/")) {
            endpoint = URI.create(text.replaceAll("/+$", ""));
        }
    }

    /**
     * As the huggingface_hub library reads its variables: HF_ENDPOINT; HF_TOKEN, or else the file HF_TOKEN_PATH, or else
     * the file {@code token} in HF_HOME; HF_HUB_CACHE, or else {@code hub} in HF_HOME, which is by default
     * {@code huggingface} in XDG_CACHE_HOME or in {@code ~/.cache}; HF_HUB_OFFLINE.
     *
     * @param environment gives a variable's value, or null
     * @param home the user's home folder
     */
    public static HubAccess of(Function<String, @Nullable String> environment, Path home) {
        Path caches = path(environment, "XDG_CACHE_HOME", home, home.resolve(".cache"));
        Path hfHome = path(environment, "HF_HOME", home, caches.resolve("huggingface"));
        String endpoint = value(environment, "HF_ENDPOINT");
        String offline = value(environment, "HF_HUB_OFFLINE");
        return new HubAccess(
                URI.create(endpoint == null ? "https://huggingface.co" : endpoint),
                token(environment, home, hfHome),
                path(environment, "HF_HUB_CACHE", home, hfHome.resolve("hub")),
                offline != null && TRUE.contains(offline.toLowerCase(Locale.ROOT)) ? Mode.OFFLINE : Mode.ONLINE);
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
