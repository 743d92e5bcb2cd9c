package espalier.load;

import org.jspecify.annotations.Nullable;

/**
 * How one request went, in nanoseconds of one clock.
 *
 * @param tokenTimes when each generated token (or the chunk that carried it) arrived
 * @param error null for a request that was served
 */
record Outcome(
        int inputTokens,
        int outputTokens,
        int cachedTokens,
        long begun,
        long[] tokenTimes,
        long ended,
        @Nullable String error) {

    static Outcome failed(int inputTokens, long begun, String error) {
        return new Outcome(inputTokens, 0, 0, begun, new long[0], System.nanoTime(), error);
    }

    double timeToFirstMillis() {
        return ((tokenTimes.length == 0 ? ended : tokenTimes[0]) - begun) / 1e6;
    }

    double latencyMillis() {
        return (ended - begun) / 1e6;
    }

    /** Mean time of an output token after the first; NaN for fewer than two. */
    double timePerTokenMillis() {
        return outputTokens < 2 ? Double.NaN : (latencyMillis() - timeToFirstMillis()) / (outputTokens - 1);
    }
}
