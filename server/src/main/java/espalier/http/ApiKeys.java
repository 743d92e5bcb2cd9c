package espalier.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;

/** The keys that callers show as {@code Authorization: Bearer ...}; null where none is needed. */
public record ApiKeys(@Nullable String user, @Nullable String admin) {
    private static final String SCHEME = "bearer ";

    public static final ApiKeys NONE = new ApiKeys(null, null);

    boolean allow(Incoming request, Access access) {
        String wanted = switch (access) {
            case USER -> user;
            case ADMIN -> admin != null ? admin : user;
        };
        if (wanted == null) {
            return true;
        }
        String shown = request.header("authorization");
        return shown != null
                && shown.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                && MessageDigest.isEqual(utf8(shown.substring(SCHEME.length()).strip()), utf8(wanted));
    }

    private static byte[] utf8(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return "ApiKeys"; // keys stay out of logs
    }
}
