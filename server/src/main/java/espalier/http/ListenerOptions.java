package espalier.http;

import java.time.Duration;

/**
 * Where and how to listen.
 *
 * @param port 0 for any free one
 * @param eventLoops threads that read and write sockets; where the port is 0, there is one
 */
public record ListenerOptions(String host, int port, int eventLoops, Limits limits) {

    /** As many loops as suit the machine, and the usual limits. */
    public static ListenerOptions at(String host, int port) {
        return new ListenerOptions(host, port, loops(), Limits.usual());
    }

    public ListenerOptions with(Limits other) {
        return new ListenerOptions(host, port, eventLoops, other);
    }

    /** One loop carries about a thousand streams at 50 tokens a second. */
    private static int loops() {
        return Math.clamp(Runtime.getRuntime().availableProcessors() / 8, 1, 4);
    }

    /**
     * What one client may take of the server.
     *
     * @param bodyBytes a longer body is refused with 413
     * @param allBodyBytes of the bodies of all open requests; what goes beyond is refused with 503
     * @param bodyPatience how long a body may take to arrive
     * @param writePatience how long a client may leave everything unread before it counts as gone
     */
    public record Limits(long bodyBytes, long allBodyBytes, Duration bodyPatience, Duration writePatience) {
        private static final long MOST_BODY_BYTES = 64L << 20;
        private static final Duration BODY_PATIENCE = Duration.ofMinutes(2);
        private static final Duration WRITE_PATIENCE = Duration.ofMinutes(1);

        /** Bodies may take a quarter of the heap together, but one of the greatest size always fits. */
        public static Limits usual() {
            long all = Math.max(MOST_BODY_BYTES, Runtime.getRuntime().maxMemory() / 4);
            return new Limits(MOST_BODY_BYTES, all, BODY_PATIENCE, WRITE_PATIENCE);
        }

        public Limits withBodyBytes(long other) {
            return new Limits(other, allBodyBytes, bodyPatience, writePatience);
        }

        public Limits withAllBodyBytes(long other) {
            return new Limits(bodyBytes, other, bodyPatience, writePatience);
        }

        public Limits withBodyPatience(Duration other) {
            return new Limits(bodyBytes, allBodyBytes, other, writePatience);
        }

        public Limits withWritePatience(Duration other) {
            return new Limits(bodyBytes, allBodyBytes, bodyPatience, other);
        }
    }
}
