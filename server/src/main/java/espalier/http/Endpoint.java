package espalier.http;

/** Answers requests of one kind. */
@FunctionalInterface
public interface Endpoint {

    void serve(Exchange exchange) throws InterruptedException;

    /** What is answered when {@link #serve} throws before it has answered. */
    default Reply failure(RuntimeException cause) {
        return ErrorReply.flat(cause);
    }
}
