package espalier.serving;

import java.lang.module.ModuleDescriptor;
import java.time.Duration;
import java.util.Map;

/**
 * How answers are given.
 *
 * @param cacheReport whether {@code usage} tells how many prompt tokens were cached ({@code --enable-cache-report})
 * @param incrementalStreaming whether {@code /generate} streams what is new rather than all text so far
 *     ({@code --incremental-streaming-output})
 * @param healthTimeout how long a health probe waits for a sign of life
 * @param arguments of the command line, for {@code /server_info}
 * @param version of Espalier
 */
public record ServingOptions(
        boolean cacheReport,
        boolean incrementalStreaming,
        Duration healthTimeout,
        Map<String, Object> arguments,
        String version) {

    /** The weights have not been replaced since the start; SGLang's name for that. */
    public static final String WEIGHT_VERSION = "default";

    private static final String UNPACKED_VERSION = "0.1.0";
    private static final Duration HEALTH_TIMEOUT = Duration.ofSeconds(20);

    /** Everything at its default, for this version of Espalier. */
    public static ServingOptions usual() {
        return new ServingOptions(false, false, HEALTH_TIMEOUT, Map.of(), ownVersion());
    }

    /** That of this module; where the classes are not in a jar, the one they are built for. */
    public static String ownVersion() {
        ModuleDescriptor module = ServingOptions.class.getModule().getDescriptor();
        return module == null ? UNPACKED_VERSION : module.rawVersion().orElse(UNPACKED_VERSION);
    }
}
