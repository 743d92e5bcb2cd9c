package espalier.api;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;

/** When host and device worked on each of an engine's steps: written down until it is stopped or has enough. */
public interface Profile {
    /**
     * Which steps: from number {@code first} on, {@code count} of them.
     *
     * @param first 0 or a step that has passed: from now on
     */
    record Steps(long first, long count) {
        public Steps {
            if (first < 0) {
                throw RequestRejected.invalid("start_step", "start_step must be at least 0, got " + first);
            }
            if (count < 1) {
                throw RequestRejected.invalid("num_steps", "num_steps must be at least 1, got " + count);
            }
        }

        /** From now on, until it is stopped. */
        public static Steps all() {
            return new Steps(0, Long.MAX_VALUE);
        }
    }

    /**
     * Shares of the time from the first to the last thing that was written down. What the engine's thread does may hide
     * behind the device, so they need not add up to 1.
     *
     * @param pass in which devices ran the model: its kernels, and on a CPU what Java does between them
     * @param choice in which devices chose tokens
     * @param scheduling in which the engine's thread planned steps and handed on their tokens
     */
    record Shares(double pass, double choice, double scheduling) {}

    /** Writes no more down; waits for the device to come past what it had begun. Nothing where it has ended already. */
    void stop();

    /** Completes when nothing more is written down, also where the engine ends. */
    CompletableFuture<Void> ended();

    /** Steps that were written down. */
    int steps();

    /**
     * The share of the time that the device worked while only decoding steps followed one another: 1 where it never
     * waited for the host. NaN where fewer than two such steps did.
     */
    double decodeBusyShare();

    /** Of everything that was written down; all NaN where nothing was. */
    Shares shares();

    /** Writes it in the trace event format of Chrome, which Perfetto reads as well; JSON, UTF-8. */
    void write(OutputStream to) throws IOException;
}
