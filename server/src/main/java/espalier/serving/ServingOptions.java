package espalier.serving;

import java.time.Duration;
import java.util.Map;

/**
 * How answers are given.
 *
 * @param cacheReport whether {@code usage} tells how many prompt tokens were cached ({@code --enable-cache-report})
 * @param incrementalStreaming whether {@code /generate} streams what is new rather than all text so far
 *     ({@code --incremental-streaming-output})
 * @param healthGeneration whether a health probe generates a token
 * @param healthTimeout how long a health probe waits for a sign of life
 * @param arguments of the command line, for {@code /server_info}
 * @param version of Espalier
 */
public record ServingOptions(
        boolean cacheReport,
        boolean incrementalStreaming,
        boolean healthGeneration,
        Duration healthTimeout,
        Map<String, Object> arguments,
        String version) {

    /** The weights have not been replaced since the start; SGLang's name for that. */
    public static final String WEIGHT_VERSION = "default";
}
