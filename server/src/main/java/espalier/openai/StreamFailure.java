package espalier.openai;

import espalier.http.ErrorReply;
import espalier.http.EventStream;
import espalier.http.Json;
import espalier.http.JsonWriter;
import java.util.Map;

/** The last event of a stream that fails after its head has been sent. */
final class StreamFailure {
    private StreamFailure() {}

    static void send(EventStream events, JsonWriter out, RuntimeException cause) throws InterruptedException {
        EventStream.open(out).raw(Json.write(Map.of("error", ErrorReply.flatBody(cause))));
        events.send(out);
    }
}
