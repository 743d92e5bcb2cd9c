package espalier.openai;

import espalier.chat.TextEvent;
import espalier.http.EventStream;
import espalier.http.JsonWriter;
import espalier.serving.Runs;
import java.util.BitSet;

/** The events of a streamed chat. */
final class ChatChunks implements AnswerStream.Chunks {
    private final JsonWriter out;
    private final AnswerJson json;
    private final ChatRequest asked;
    private final ChunkFrame frame;
    private final BitSet opened = new BitSet();

    ChatChunks(JsonWriter out, AnswerJson json, ChatRequest asked, int promptTokens) {
        this.out = out;
        this.json = json;
        this.asked = asked;
        Delivery delivery = asked.delivery();
        json.begin(asked.text().rid(), "chat.completion.chunk", delivery);
        this.frame = new ChunkFrame(out, json, delivery, out.toBytes(), promptTokens);
    }

    @Override
    public void delta(EventStream events, Runs.Heard heard, TextEvent.Delta d) throws InterruptedException {
        role(events, d.choice());
        frame.count(d);
        boolean logprobs = asked.logprobs() && !d.tokens().isEmpty();
        if (d.text().isEmpty() && !logprobs) {
            return; // a character or a possible stop string is incomplete
        }
        frame.open(d.choice()).raw(",\"delta\":{\"content\":").string(d.text());
        out.raw(",\"reasoning_content\":null},\"logprobs\":");
        if (logprobs) {
            json.chatLogprobs(d.tokens());
        } else {
            out.raw("null");
        }
        out.raw(",");
        json.finish(null, null);
        frame.close(events);
    }

    @Override
    public void finished(EventStream events, Runs.Heard heard, TextEvent.Finished f) throws InterruptedException {
        role(events, f.choice());
        frame.count(f);
        frame.open(f.choice()).raw(",\"delta\":{\"reasoning_content\":null},\"logprobs\":null,");
        json.finish(f.reason(), f.matchedStop());
        frame.close(events);
    }

    @Override
    public void usage(EventStream events) throws InterruptedException {
        frame.usage(events);
    }

    /** The first event of a choice says who speaks. */
    private void role(EventStream events, int choice) throws InterruptedException {
        if (!opened.get(choice)) {
            opened.set(choice);
            frame.open(choice).raw(",\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":null}");
            out.raw(",\"logprobs\":null,");
            json.finish(null, null);
            frame.close(events);
        }
    }
}
