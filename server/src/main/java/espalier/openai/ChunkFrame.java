package espalier.openai;

import espalier.chat.TextEvent;
import espalier.chat.Usage;
import espalier.http.EventStream;
import espalier.http.JsonWriter;
import espalier.serving.Usages;

/**
 * What the events of a stream have around a choice: the beginning, which is written once, and the usage so far. A token
 * costs its escaped text and a copy.
 */
final class ChunkFrame {
    private final JsonWriter out;
    private final AnswerJson json;
    private final Delivery delivery;
    private final byte[] beginning;
    private final int promptTokens;
    private final Usages usages = new Usages();
    private int completionTokens;

    /** @param beginning of every event, up to the list of choices */
    ChunkFrame(JsonWriter out, AnswerJson json, Delivery delivery, byte[] beginning, int promptTokens) {
        this.out = out;
        this.json = json;
        this.delivery = delivery;
        this.beginning = beginning;
        this.promptTokens = promptTokens;
    }

    void count(TextEvent.Delta d) {
        completionTokens += d.tokens().size();
    }

    void count(TextEvent.Finished f) {
        usages.add(f.choice(), f.usage());
    }

    /** Opens an event and in it the choice that has {@code index}. */
    JsonWriter open(int index) {
        EventStream.open(out).raw(beginning);
        return out.raw("{\"index\":").number(index);
    }

    /** Closes choice and event, and sends it. */
    void close(EventStream events) throws InterruptedException {
        out.raw("}],\"usage\":");
        if (delivery.chunkUsage() == Delivery.ChunkUsage.SENT) {
            json.usage(new Usage(promptTokens, 0, completionTokens));
        } else {
            out.raw("null");
        }
        events.send(out.raw("}"));
    }

    /** Sends the usage of the whole request, if it was asked for. */
    void usage(EventStream events) throws InterruptedException {
        if (delivery.finalUsage() == Delivery.FinalUsage.SENT) {
            EventStream.open(out).raw(beginning).raw("],\"usage\":");
            json.usage(usages.total());
            events.send(out.raw("}"));
        }
    }
}
