package espalier.http;

/** The body of an answer under way. Safe for use by several threads; each {@link #write} arrives in one piece. */
public interface ByteStream {

    /**
     * Sends {@code bytes[0, length)}, waiting while the client has too much unread. Does nothing once the client is
     * gone. The array may be reused afterwards.
     */
    void write(byte[] bytes, int length) throws InterruptedException;

    /** Ends the answer. */
    void end();
}
