package espalier.openai;

import espalier.chat.TextEvent;
import espalier.http.ErrorReply;
import espalier.http.EventStream;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.JsonWriter;
import espalier.serving.Runs;
import java.util.Map;

/** The course of a streamed answer, which chats and completions share; their events differ in form alone. */
final class AnswerStream {
    private AnswerStream() {}

    /** The events of one kind of answer. */
    interface Chunks {
        void delta(EventStream events, Runs.Heard heard, TextEvent.Delta d) throws InterruptedException;

        void finished(EventStream events, Runs.Heard heard, TextEvent.Finished f) throws InterruptedException;

        /** The usage of the whole request, if it was asked for. */
        void usage(EventStream events) throws InterruptedException;
    }

    /** Sends everything that {@code runs} say. Throws what one failed with as long as nothing has been sent. */
    static void send(Exchange exchange, Runs runs, Chunks chunks) throws InterruptedException {
        Runs.Heard heard = runs.next();
        if (heard.event() instanceof TextEvent.Failed failed) {
            throw failed.cause(); // nothing has been sent, so the client gets a status
        }
        var events = new EventStream(exchange);
        while (true) {
            switch (heard.event()) {
                case TextEvent.Delta d -> chunks.delta(events, heard, d);
                case TextEvent.Finished f -> chunks.finished(events, heard, f);
                case TextEvent.Failed f -> {
                    var out = EventStream.open(new JsonWriter());
                    events.send(out.raw(Json.write(Map.of("error", ErrorReply.event(f.cause())))));
                    events.done();
                    return;
                }
            }
            if (!runs.isOpen()) {
                break;
            }
            heard = runs.next();
        }
        chunks.usage(events);
        events.done();
    }
}
