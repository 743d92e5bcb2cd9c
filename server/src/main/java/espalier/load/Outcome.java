package espalier.load;

import org.jspecify.annotations.Nullable;

/**
 * How one request went, in nanoseconds of one clock.
 *
 * @param counted how {@code outputTokens} is known
 * @param cachedTokens of the prompt; null where the server did not tell
 * @param tokenTimes when each generated token (or the chunk that carried it) arrived
 * @param error null for a request that was served
 */
record Outcome(
        int inputTokens,
        int outputTokens,
        Counted counted,
        @Nullable Integer cachedTokens,
        long begun,
        long[] tokenTimes,
        long ended,
        @Nullable String error) {

    /** Who counted the tokens of an answer. */
    enum Counted {
        BY_SERVER,
        /** A token an event, which is a guess: the server told no number. */
        BY_EVENTS
    }

    static Outcome failed(int inputTokens, long begun, String error) {
        return new Outcome(inputTokens, 0, Counted.BY_SERVER, null, begun, new long[0], System.nanoTime(), error);
    }

    /** NaN where no token came. */
    double timeToFirstMillis() {
        return tokenTimes.length == 0 ? Double.NaN : (tokenTimes[0] - begun) / 1e6;
    }

    double latencyMillis() {
        return (ended - begun) / 1e6;
    }

    /** Mean time of an output token after the first; NaN for fewer than two. */
    double timePerTokenMillis() {
        return outputTokens < 2 ? Double.NaN : (latencyMillis() - timeToFirstMillis()) / (outputTokens - 1);
    }
}
