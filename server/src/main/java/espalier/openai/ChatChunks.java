package espalier.openai;

import espalier.chat.TextEvent;
import espalier.chat.Usage;
import espalier.http.EventStream;
import espalier.http.JsonWriter;
import espalier.serving.Usages;
import java.util.BitSet;

/**
 * The events of a streamed chat. What every one of them begins with is written once; a token costs its escaped text and
 * a copy.
 */
final class ChatChunks {
    private final JsonWriter out;
    private final AnswerJson json;
    private final ChatRequest asked;
    private final int promptTokens;
    private final byte[] beginning;
    private final BitSet opened = new BitSet();
    private final Usages usages = new Usages();
    private int completionTokens;

    ChatChunks(JsonWriter out, AnswerJson json, ChatRequest asked, int promptTokens) {
        this.out = out;
        this.json = json;
        this.asked = asked;
        this.promptTokens = promptTokens;
        out.clear().raw("{\"id\":").string(asked.text().rid());
        out.raw(",\"object\":\"chat.completion.chunk\",\"created\":").number(System.currentTimeMillis() / 1000);
        out.raw(",\"model\":").string(asked.delivery().model());
        this.beginning = out.raw(",\"choices\":[").toBytes();
    }

    void delta(EventStream events, TextEvent.Delta d) throws InterruptedException {
        role(events, d.choice());
        completionTokens += d.tokens().size();
        boolean logprobs = asked.logprobs() && !d.tokens().isEmpty();
        if (d.text().isEmpty() && !logprobs) {
            return; // a character or a possible stop string is incomplete
        }
        open(d.choice()).raw("{\"content\":").string(d.text());
        out.raw(",\"reasoning_content\":null},\"logprobs\":");
        if (logprobs) {
            json.chatLogprobs(d.tokens());
        } else {
            out.raw("null");
        }
        out.raw(",\"finish_reason\":null,\"matched_stop\":null}]");
        close(events);
    }

    void finished(EventStream events, TextEvent.Finished f) throws InterruptedException {
        role(events, f.choice());
        usages.add(f.choice(), f.usage());
        open(f.choice()).raw("{\"reasoning_content\":null},\"logprobs\":null,");
        json.finish(f.reason(), f.matchedStop());
        out.raw("}]");
        close(events);
    }

    /** The usage of the whole request, if it was asked for. */
    void usage(EventStream events) throws InterruptedException {
        if (asked.delivery().finalUsage() == Delivery.FinalUsage.SENT) {
            EventStream.open(out).raw(beginning).raw("],\"usage\":");
            json.usage(usages.total());
            out.raw("}");
            events.send(out);
        }
    }

    /** The first event of a choice says who speaks. */
    private void role(EventStream events, int choice) throws InterruptedException {
        if (!opened.get(choice)) {
            opened.set(choice);
            open(choice).raw("{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":null}");
            out.raw(",\"logprobs\":null,\"finish_reason\":null,\"matched_stop\":null}]");
            close(events);
        }
    }

    private JsonWriter open(int choice) {
        EventStream.open(out).raw(beginning);
        return out.raw("{\"index\":").number(choice).raw(",\"delta\":");
    }

    private void close(EventStream events) throws InterruptedException {
        out.raw(",\"usage\":");
        if (asked.delivery().chunkUsage() == Delivery.ChunkUsage.SENT) {
            json.usage(new Usage(promptTokens, 0, completionTokens));
        } else {
            out.raw("null");
        }
        out.raw("}");
        events.send(out);
    }
}
