package espalier.serving;

import espalier.http.JsonObject;
import java.util.Objects;

/** What names a request's part of the prefix cache. */
public final class CacheSalt {
    private CacheSalt() {}

    /** From {@code cache_salt} and {@code extra_key}; no two pairs have one name, and neither of them names none. */
    public static String of(JsonObject body) {
        String salt = Objects.requireNonNullElse(body.string("cache_salt"), "");
        String key = Objects.requireNonNullElse(body.string("extra_key"), "");
        return salt.isEmpty() && key.isEmpty() ? "" : salt.length() + ":" + salt + key;
    }
}
