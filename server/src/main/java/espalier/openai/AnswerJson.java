package espalier.openai;

import espalier.api.Emission.FinishReason;
import espalier.api.TokenLogprobs;
import espalier.chat.TokenText;
import espalier.chat.Usage;
import espalier.http.JsonWriter;
import espalier.serving.Service;
import espalier.serving.ServingOptions;
import espalier.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The parts of an answer that whole and streamed ones share, written as JSON. */
final class AnswerJson {
    private final JsonWriter out;
    private final Tokenizer tokenizer;
    private final boolean cacheReport;

    AnswerJson(JsonWriter out, Service service) {
        this.out = out;
        tokenizer = service.engine().tokenizer();
        cacheReport = service.options().cacheReport();
    }

    /** Clears what was written, and begins an answer up to its list of choices. */
    void begin(String id, String object, Delivery delivery) {
        out.clear().raw("{\"id\":").string(id);
        out.raw(",\"object\":").string(object);
        out.raw(",\"created\":").number(System.currentTimeMillis() / 1000);
        out.raw(",\"model\":").string(delivery.model()).raw(",\"choices\":[");
    }

    /** Ends a whole answer after its list of choices. */
    void end(Usage total) {
        out.raw("],\"usage\":");
        usage(total);
        out.raw(",\"metadata\":{\"weight_version\":").string(ServingOptions.WEIGHT_VERSION);
        out.raw("}}");
    }

    /** {@code "finish_reason":...,"matched_stop":...}. */
    void finish(@Nullable FinishReason reason, @Nullable Object matchedStop) {
        out.raw("\"finish_reason\":");
        switch (reason) {
            case null -> out.raw("null");
            case STOP -> out.raw("\"stop\"");
            case LENGTH -> out.raw("\"length\"");
            case ABORT -> out.raw("\"abort\"");
        }
        out.raw(",\"matched_stop\":");
        switch (matchedStop) {
            case null -> out.raw("null");
            case Integer id -> out.number(id);
            case Object text -> out.string(text.toString());
        }
    }

    void usage(Usage u) {
        out.raw("{\"prompt_tokens\":").number(u.promptTokens());
        out.raw(",\"total_tokens\":").number(u.promptTokens() + u.completionTokens());
        out.raw(",\"completion_tokens\":").number(u.completionTokens());
        out.raw(",\"prompt_tokens_details\":");
        if (cacheReport && u.cachedTokens() > 0) {
            out.raw("{\"cached_tokens\":").number(u.cachedTokens()).raw("}");
        } else {
            out.raw("null");
        }
        out.raw(",\"reasoning_tokens\":0}");
    }

    /** {@code {"content":[...]}}, the form of chat. */
    void chatLogprobs(List<TokenText> tokens) {
        out.raw("{\"content\":[");
        String comma = "";
        for (TokenText t : tokens) {
            TokenLogprobs l = t.logprobs();
            if (l != null) {
                out.raw(comma);
                comma = ",";
                token(t.text(), t.bytes(), l.chosen());
                out.raw(",\"top_logprobs\":[");
                for (int i = 0; i < l.topIds().size(); i++) {
                    byte[] bytes = tokenizer.bytes(l.topIds().get(i));
                    out.raw(i == 0 ? "" : ",");
                    token(text(bytes), bytes, l.topLogprobs()[i]);
                    out.raw("}");
                }
                out.raw("]}");
            }
        }
        out.raw("]}");
    }

    private void token(String text, byte[] bytes, float logprob) {
        out.raw("{\"token\":").string(text).raw(",\"bytes\":[");
        for (int i = 0; i < bytes.length; i++) {
            out.raw(i == 0 ? "" : ",").number(bytes[i] & 0xff);
        }
        out.raw("],\"logprob\":").number(logprob);
    }

    /** {@code {"tokens":[...],"token_logprobs":[...],...}}, the form of completions. */
    void completionLogprobs(List<TokenText> all) {
        List<TokenText> tokens = all.stream().filter(t -> t.logprobs() != null).toList();
        out.raw("{\"tokens\":[");
        for (int i = 0; i < tokens.size(); i++) {
            out.raw(i == 0 ? "" : ",").string(tokens.get(i).text());
        }
        out.raw("],\"token_logprobs\":[");
        for (int i = 0; i < tokens.size(); i++) {
            out.raw(i == 0 ? "" : ",").number(logprobs(tokens.get(i)).chosen());
        }
        out.raw("],\"top_logprobs\":[");
        for (int i = 0; i < tokens.size(); i++) {
            out.raw(i == 0 ? "" : ",");
            alternatives(logprobs(tokens.get(i)));
        }
        out.raw("],\"text_offset\":[");
        for (int i = 0; i < tokens.size(); i++) {
            out.raw(i == 0 ? "-1" : ",-1");
        }
        out.raw("]}");
    }

    private void alternatives(TokenLogprobs l) {
        if (l.topIds().isEmpty()) {
            out.raw("null");
            return;
        }
        out.raw("{");
        for (int i = 0; i < l.topIds().size(); i++) {
            out.raw(i == 0 ? "" : ",").string(text(tokenizer.bytes(l.topIds().get(i))));
            out.raw(":").number(l.topLogprobs()[i]);
        }
        out.raw("}");
    }

    private static TokenLogprobs logprobs(TokenText t) {
        return java.util.Objects.requireNonNull(t.logprobs());
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
