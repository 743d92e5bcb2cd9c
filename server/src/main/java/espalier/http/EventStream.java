package espalier.http;

import java.nio.charset.StandardCharsets;

/**
 * Server-sent events over a streamed answer: {@code data: ...} and an empty line, with the blank that naive clients
 * look for. The answer's head is sent with the first event, so a request that is refused before it still gets a status.
 */
public final class EventStream {
    public static final String CONTENT_TYPE = "text/event-stream; charset=utf-8";

    private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);

    private final ByteStream stream;

    public EventStream(Exchange exchange) {
        this.stream = exchange.stream(CONTENT_TYPE);
    }

    /** Clears {@code out} and opens an event in it. */
    public static JsonWriter open(JsonWriter out) {
        return out.clear().raw("data: ");
    }

    /** Closes the event that {@code out} holds, and sends it. */
    public void send(JsonWriter out) throws InterruptedException {
        out.raw("\n\n");
        stream.write(out.buffer(), out.size());
    }

    /** Sends {@code data: [DONE]} and ends the answer. */
    public void done() throws InterruptedException {
        stream.write(DONE, DONE.length);
        stream.end();
    }
}
