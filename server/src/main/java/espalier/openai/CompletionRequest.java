package espalier.openai;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.chat.OutputText;
import espalier.chat.Prompt;
import espalier.chat.TextRequest;
import espalier.http.JsonObject;
import espalier.serving.Rids;
import espalier.serving.Runs;
import espalier.serving.Service;
import espalier.serving.TokenIds;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A body of {@code /v1/completions}, read: one request for each prompt.
 *
 * @param echoes the text that each prompt's answers begin with; empty unless {@code echo} was asked for
 * @param logprobs whether the answer shows log-probabilities
 */
record CompletionRequest(
        String rid, List<TextRequest> texts, List<String> echoes, Delivery delivery, boolean logprobs) {
    private static final int DEFAULT_TOKENS = 16;

    static CompletionRequest read(JsonObject body, Service service) {
        var common = new CommonFields(body);
        List<Prompt> prompts = prompts(body, service);
        Runs.requireFew(prompts.size());
        Integer logprobs = body.integer("logprobs");
        boolean echo = body.isTrue("echo");
        if (echo && logprobs != null) {
            throw RequestRejected.invalid(
                    "echo",
                    "echo together with logprobs needs log-probabilities of the prompt, which this version does"
                            + " not compute; leave one of them out");
        }
        SamplingParams sampling = sampling(body, common, service, logprobs);
        OutputText output = common.output(false);
        List<String> rids = Rids.each(body, prompts.size());
        var texts = new ArrayList<TextRequest>();
        for (int i = 0; i < prompts.size(); i++) {
            texts.add(new TextRequest(
                    rids.get(i),
                    prompts.get(i),
                    sampling,
                    body.strings("stop"),
                    common.choices(),
                    output,
                    common.priority(),
                    common.cacheSalt()));
        }
        List<String> echoes =
                prompts.stream().map(p -> echo ? service.textOf(p) : "").toList();
        return new CompletionRequest(rids.getFirst(), texts, echoes, Delivery.read(body), logprobs != null);
    }

    /** SGLang leaves generation_config.json to chat: a completion starts from temperature 1. */
    private static SamplingParams sampling(
            JsonObject body, CommonFields common, Service service, @Nullable Integer logprobs) {
        SamplingParams.Builder sampling = common.sampling(SamplingParams.builder(), service);
        common.length(sampling, "max_tokens", Objects.requireNonNullElse(body.integer("max_tokens"), DEFAULT_TOKENS));
        if (logprobs != null && (logprobs < 0 || logprobs > SamplingParams.MAX_LOGPROBS)) {
            throw RequestRejected.invalid(
                    "logprobs", "logprobs must be between 0 and " + SamplingParams.MAX_LOGPROBS + ", got " + logprobs);
        }
        return sampling.logprobs(Objects.requireNonNullElse(logprobs, -1)).build();
    }

    private static List<Prompt> prompts(JsonObject body, Service service) {
        return switch (body.raw("prompt")) {
            case null -> throw JsonObject.malformed("prompt is required");
            case String text -> List.of(text(text));
            case List<?> list when list.isEmpty() -> throw empty();
            case List<?> list
            when list.getFirst() instanceof String ->
                body.strings("prompt").stream().map(CompletionRequest::text).toList();
            case List<?> list when list.getFirst() instanceof List<?> -> idLists(list, service);
            case List<?> list -> List.of(ids(list, service, "prompt"));
            case Object o -> throw JsonObject.wrong("prompt", "a string, a list of strings or lists of token ids", o);
        };
    }

    private static List<Prompt> idLists(List<?> lists, Service service) {
        var prompts = new ArrayList<Prompt>();
        for (int i = 0; i < lists.size(); i++) {
            String path = "prompt[" + i + "]";
            if (!(lists.get(i) instanceof List<?> list)) {
                throw JsonObject.wrong(path, "a list of token ids", lists.get(i));
            }
            prompts.add(ids(list, service, path));
        }
        return prompts;
    }

    private static Prompt text(String text) {
        if (text.isEmpty()) {
            throw empty();
        }
        return new Prompt.Text(text);
    }

    private static Prompt ids(List<?> list, Service service, String path) {
        Tokens ids = TokenIds.checked(JsonObject.integers(list, path), service.vocabSize(), path);
        if (ids.isEmpty()) {
            throw empty();
        }
        return new Prompt.Ids(ids);
    }

    private static RequestRejected empty() {
        return RequestRejected.invalid("prompt", "Prompt cannot be empty");
    }
}
