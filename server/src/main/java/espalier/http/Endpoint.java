package espalier.http;

import org.jspecify.annotations.Nullable;

/** Answers requests of one kind. */
@FunctionalInterface
public interface Endpoint {

    /** Answers; where it throws before it has, the exception is answered as {@link ErrorReply} has it. */
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
}
