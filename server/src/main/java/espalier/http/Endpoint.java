package espalier.http;

import org.jspecify.annotations.Nullable;

/** Answers requests of one kind. */
@FunctionalInterface
public interface Endpoint {

    void serve(Exchange exchange) throws InterruptedException;

    /**
     * What is answered on the head alone, so that a body which is not wanted is not kept; null where {@link #serve}
     * answers. Called on a thread that must not block.
     *
     * @param head the request, with an empty body
     */
    default @Nullable Reply atHead(Incoming head) {
        return null;
    }

    /** What is answered when {@link #serve} throws before it has answered. */
    default Reply failure(RuntimeException cause) {
        return ErrorReply.flat(cause);
    }
}
