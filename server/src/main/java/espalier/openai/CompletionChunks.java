package espalier.openai;

import espalier.chat.TextEvent;
import espalier.chat.TokenText;
import espalier.http.EventStream;
import espalier.http.JsonWriter;
import espalier.serving.Runs;
import java.util.BitSet;
import java.util.List;

/** The events of a streamed completion. */
final class CompletionChunks implements AnswerStream.Chunks {
    private final JsonWriter out;
    private final AnswerJson json;
    private final CompletionRequest asked;
    private final ChunkFrame frame;
    private final BitSet echoed = new BitSet();

    CompletionChunks(JsonWriter out, AnswerJson json, CompletionRequest asked, Runs runs) {
        this.out = out;
        this.json = json;
        this.asked = asked;
        int promptTokens = 0;
        for (int i = 0; i < asked.texts().size(); i++) {
            promptTokens += runs.get(i).promptTokens();
        }
        json.begin(asked.rid(), "text_completion", asked.delivery());
        this.frame = new ChunkFrame(out, json, asked.delivery(), out.toBytes(), promptTokens);
    }

    @Override
    public void delta(EventStream events, Runs.Heard heard, TextEvent.Delta d) throws InterruptedException {
        frame.count(d);
        String text = echo(heard) + d.text();
        List<TokenText> shown = asked.logprobs() ? d.tokens() : List.of();
        if (text.isEmpty() && shown.isEmpty()) {
            return; // a character or a possible stop string is incomplete
        }
        frame.open(heard.index()).raw(",\"text\":").string(text).raw(",\"logprobs\":");
        if (shown.isEmpty()) {
            out.raw("null");
        } else {
            json.completionLogprobs(shown);
        }
        out.raw(",");
        json.finish(null, null);
        frame.close(events);
    }

    @Override
    public void finished(EventStream events, Runs.Heard heard, TextEvent.Finished f) throws InterruptedException {
        frame.count(f);
        frame.open(heard.index()).raw(",\"text\":").string(echo(heard)).raw(",\"logprobs\":null,");
        json.finish(f.reason(), f.matchedStop());
        frame.close(events);
    }

    @Override
    public void usage(EventStream events) throws InterruptedException {
        frame.usage(events);
    }

    /** The prompt, where it is to be repeated and has not been. */
    private String echo(Runs.Heard heard) {
        if (echoed.get(heard.index())) {
            return "";
        }
        echoed.set(heard.index());
        return asked.echoes().get(heard.prompt());
    }
}
