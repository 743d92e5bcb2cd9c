package espalier.load;

import espalier.config.Flag;
import org.jspecify.annotations.Nullable;

/**
 * A server to send requests to, as the command line names it.
 *
 * @param vocabSize ids are drawn below it; 0 asks the server
 * @param flushCache empties its prefix cache first
 * @param warmupRequests sent before any is measured: a client that has just started is slow itself
 */
public record Remote(
        @Flag(
                value = "--base-url",
                help = "The server to send to.",
                byDefault = "http://127.0.0.1:30000",
                label = "URL")
        String baseUrl,

        @Flag(value = "--backend", help = "API to speak.", byDefault = "sglang")
        Backend backend,

        @Flag(
                value = "--model",
                help = "What the server calls its model; the first that it lists by default.",
                label = "NAME")
        @Nullable
        String model,

        @Flag(value = "--bench-api-key", help = "Its key.", label = "KEY") @Nullable
        String apiKey,

        @Flag(
                value = "--vocab-size",
                help = "Of its model; asked from the server by default.",
                byDefault = "0",
                label = "N")
        int vocabSize,

        @Flag(value = "--flush-cache", help = "Empty its prefix cache first.")
        boolean flushCache,

        @Flag(
                value = "--warmup-requests",
                help = "Sent before any is measured, with other ids and at most 32 tokens of answer.",
                byDefault = "1",
                label = "N",
                least = 0)
        int warmupRequests) {

    /** Without the key, which belongs into no log. */
    @Override
    public String toString() {
        return "Remote[" + baseUrl + "]";
    }
}
