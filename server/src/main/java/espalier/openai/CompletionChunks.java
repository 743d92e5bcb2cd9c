package espalier.openai;

import espalier.chat.TextEvent;
import espalier.chat.TokenText;
import espalier.chat.Usage;
import espalier.http.EventStream;
import espalier.http.JsonWriter;
import espalier.serving.Runs;
import espalier.serving.Usages;
import java.util.BitSet;
import java.util.List;

/** The events of a streamed completion. */
final class CompletionChunks {
    private final JsonWriter out;
    private final AnswerJson json;
    private final CompletionRequest asked;
    private final byte[] beginning;
    private final int promptTokens;
    private final BitSet echoed = new BitSet();
    private final Usages usages = new Usages();
    private int completionTokens;

    CompletionChunks(JsonWriter out, AnswerJson json, CompletionRequest asked, Runs runs) {
        this.out = out;
        this.json = json;
        this.asked = asked;
        int prompts = 0;
        for (int i = 0; i < asked.texts().size(); i++) {
            prompts += runs.get(i).promptTokens();
        }
        this.promptTokens = prompts;
        out.clear().raw("{\"id\":").string(asked.rid());
        out.raw(",\"object\":\"text_completion\",\"created\":").number(System.currentTimeMillis() / 1000);
        out.raw(",\"model\":").string(asked.delivery().model());
        this.beginning = out.raw(",\"choices\":[").toBytes();
    }

    void delta(EventStream events, Runs.Heard heard, TextEvent.Delta d) throws InterruptedException {
        completionTokens += d.tokens().size();
        String text = echo(heard) + d.text();
        List<TokenText> shown = asked.logprobs() ? d.tokens() : List.of();
        if (text.isEmpty() && shown.isEmpty()) {
            return; // a character or a possible stop string is incomplete
        }
        open(heard.index(), text);
        if (shown.isEmpty()) {
            out.raw("null,");
        } else {
            json.completionLogprobs(shown);
            out.raw(",");
        }
        json.finish(null, null);
        close(events);
    }

    void finished(EventStream events, Runs.Heard heard, TextEvent.Finished f) throws InterruptedException {
        usages.add(f.choice(), f.usage());
        open(heard.index(), echo(heard)).raw("null,");
        json.finish(f.reason(), f.matchedStop());
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

    /** The prompt, where it is to be repeated and has not been. */
    private String echo(Runs.Heard heard) {
        if (echoed.get(heard.index())) {
            return "";
        }
        echoed.set(heard.index());
        return asked.echoes().get(heard.prompt());
    }

    private JsonWriter open(int index, String text) {
        EventStream.open(out).raw(beginning);
        return out.raw("{\"index\":")
                .number(index)
                .raw(",\"text\":")
                .string(text)
                .raw(",\"logprobs\":");
    }

    private void close(EventStream events) throws InterruptedException {
        out.raw("}],\"usage\":");
        if (asked.delivery().chunkUsage() == Delivery.ChunkUsage.SENT) {
            json.usage(new Usage(promptTokens, 0, completionTokens));
        } else {
            out.raw("null");
        }
        out.raw("}");
        events.send(out);
    }
}
