package espalier.sglang;

import espalier.api.TokenLogprobs;
import espalier.chat.TextEvent;
import espalier.chat.TokenText;
import espalier.chat.Usage;
import espalier.http.JsonWriter;
import espalier.serving.Run;
import espalier.serving.ServingOptions;
import espalier.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One answer of {@code /generate} as it comes in, and its JSON: all of it so far, or what is new. */
final class NativeAnswer {
    private final Run run;
    private final String rid;
    private final GenerateCall.Wanted wanted;
    private final Tokenizer tokenizer;
    private final StringBuilder text = new StringBuilder();
    private final List<TokenText> tokens = new ArrayList<>();
    private int sentChars;
    private int sentTokens;
    private TextEvent.@Nullable Finished finished;

    NativeAnswer(Run run, String rid, GenerateCall.Wanted wanted, Tokenizer tokenizer) {
        this.run = run;
        this.rid = rid;
        this.wanted = wanted;
        this.tokenizer = tokenizer;
    }

    /** Takes an event; true when there is something new to show. Throws what the answer failed with. */
    boolean take(TextEvent event) {
        return switch (event) {
            case TextEvent.Delta d -> {
                if (wanted.extent() == GenerateCall.Extent.PROMPT_ALONE) {
                    yield false;
                }
                text.append(d.text());
                tokens.addAll(d.tokens());
                yield !d.text().isEmpty() || !d.tokens().isEmpty();
            }
            case TextEvent.Finished f -> {
                finished = f;
                yield true;
            }
            case TextEvent.Failed f -> throw f.cause();
        };
    }

    /** Writes everything so far. */
    void writeAll(JsonWriter out) {
        write(out, 0, 0);
    }

    /** Writes what has come since the last call. */
    void writeNew(JsonWriter out) {
        write(out, sentChars, sentTokens);
        sentChars = text.length();
        sentTokens = tokens.size();
    }

    private void write(JsonWriter out, int fromChar, int fromToken) {
        out.raw("{\"text\":").string(text.subSequence(fromChar, text.length()));
        out.raw(",\"output_ids\":[");
        for (int i = fromToken; i < tokens.size(); i++) {
            out.raw(i == fromToken ? "" : ",").number(tokens.get(i).id());
        }
        out.raw("],\"meta_info\":{\"id\":").string(rid);
        out.raw(",\"finish_reason\":");
        finishReason(out);
        out.raw(",\"prompt_tokens\":").number(run.promptTokens());
        out.raw(",\"weight_version\":").string(ServingOptions.WEIGHT_VERSION);
        if (wanted.hasLogprobs()) {
            logprobs(out, tokens.subList(fromToken, tokens.size()));
        }
        out.raw(",\"completion_tokens\":").number(tokens.size());
        if (finished != null) {
            Usage usage = finished.usage();
            out.raw(",\"cached_tokens\":").number(usage.cachedTokens());
        }
        out.raw(",\"e2e_latency\":").raw(Double.toString(run.elapsedSeconds())).raw("}");
    }

    private void finishReason(JsonWriter out) {
        TextEvent.Finished f = finished;
        if (f == null) {
            out.raw("null");
        } else if (wanted.extent() == GenerateCall.Extent.PROMPT_ALONE) {
            out.raw("{\"type\":\"length\",\"length\":0}");
        } else {
            switch (f.reason()) {
                case STOP -> {
                    out.raw("{\"type\":\"stop\",\"matched\":");
                    switch (f.matchedStop()) {
                        case null -> out.raw("null");
                        case Integer id -> out.number(id);
                        case Object stop -> out.string(stop.toString());
                    }
                    out.raw("}");
                }
                case LENGTH ->
                    out.raw("{\"type\":\"length\",\"length\":")
                            .number(tokens.size())
                            .raw("}");
                case ABORT -> out.raw("{\"type\":\"abort\",\"message\":\"The request was aborted\"}");
            }
        }
    }

    private void logprobs(JsonWriter out, List<TokenText> shown) {
        out.raw(",\"input_token_logprobs\":[],\"output_token_logprobs\":[");
        for (int i = 0; i < shown.size(); i++) {
            TokenText t = shown.get(i);
            out.raw(i == 0 ? "" : ",");
            entry(out, logprobs(t).chosen(), t.id(), t.text());
        }
        out.raw("],\"output_token_logprobs_length\":").number(shown.size());
        out.raw(",\"input_top_logprobs\":[],\"output_top_logprobs\":[");
        if (wanted.logprobs() > 0) {
            for (int i = 0; i < shown.size(); i++) {
                out.raw(i == 0 ? "[" : ",[");
                alternatives(out, logprobs(shown.get(i)));
                out.raw("]");
            }
        }
        out.raw("]");
    }

    private void alternatives(JsonWriter out, TokenLogprobs l) {
        for (int i = 0; i < l.topIds().size(); i++) {
            int id = l.topIds().get(i);
            out.raw(i == 0 ? "" : ",");
            entry(out, l.topLogprobs()[i], id, new String(tokenizer.bytes(id), StandardCharsets.UTF_8));
        }
    }

    private void entry(JsonWriter out, float logprob, int id, String name) {
        out.raw("[").number(logprob).raw(",").number(id).raw(",");
        switch (wanted.names()) {
            case TEXT -> out.string(name);
            case NULL -> out.raw("null");
        }
        out.raw("]");
    }

    private static TokenLogprobs logprobs(TokenText t) {
        return Objects.requireNonNull(t.logprobs());
    }
}
