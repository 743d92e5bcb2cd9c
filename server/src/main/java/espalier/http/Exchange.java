package espalier.http;

/**
 * One request and its answer, as an endpoint sees them. An endpoint runs on a virtual thread of its own and may block;
 * it answers exactly once, with {@link #reply} or {@link #stream}.
 */
public interface Exchange {

    Incoming incoming();

    /** Answers at once and whole. */
    void reply(Reply reply);

    /** Begins an answer of unknown length with status 200. */
    ByteStream stream(String contentType);

    /** True once {@link #reply} or {@link #stream} has been called. */
    boolean isAnswered();

    /**
     * Runs {@code action} once, on a thread that must not block, when nobody wants the answer any more: the client went
     * away, or the server gives up waiting for it. Runs it at once where that has happened already; never after the
     * answer is complete.
     */
    void onCancel(Runnable action);

    Cancellation cancellation();

    /** Whether, and why, the answer is wanted no more. */
    enum Cancellation {
        NONE,
        /** Nobody reads any more; what is written goes nowhere. */
        CLIENT_GONE,
        /** The server is shutting down and has waited long enough; a last word can still be sent. */
        SHUTDOWN
    }
}
