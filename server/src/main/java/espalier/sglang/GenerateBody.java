package espalier.sglang;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.chat.OutputText;
import espalier.chat.Prompt;
import espalier.chat.TextRequest;
import espalier.http.JsonObject;
import espalier.serving.CacheSalt;
import espalier.serving.Rids;
import espalier.serving.Runs;
import espalier.serving.SamplingFields;
import espalier.serving.Service;
import espalier.serving.TokenIds;
import espalier.serving.Unbuilt;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the body of {@code /generate}: a field is either one value for every prompt, or a list with one for each. */
final class GenerateBody {
    private static final int DEFAULT_TOKENS = 128;

    private static final Set<String> OTHER_SAMPLING_NAMES = Set.of(
            "max_new_tokens",
            "min_new_tokens",
            "stop",
            "n",
            "sampling_seed",
            "skip_special_tokens",
            "spaces_between_special_tokens",
            "no_stop_trim",
            "stream_interval",
            "custom_params");

    private final JsonObject body;
    private final Service service;

    GenerateBody(JsonObject body, Service service) {
        this.body = body;
        this.service = service;
    }

    boolean isStreamed() {
        return body.isTrue("stream");
    }

    GenerateCall read() {
        Unbuilt.refuse(body);
        boolean batch = isBatch();
        List<Prompt> prompts = prompts(batch);
        Runs.requireFew(prompts.size());
        List<String> rids = Rids.each(body, prompts.size());
        var texts = new ArrayList<TextRequest>();
        var wants = new ArrayList<GenerateCall.Wanted>();
        for (int i = 0; i < prompts.size(); i++) {
            JsonObject sampling = sampling(i);
            Integer most = sampling.integer("max_new_tokens");
            GenerateCall.Wanted wanted = wanted(i, most != null && most == 0);
            wants.add(wanted);
            texts.add(request(rids.get(i), prompts.get(i), sampling, wanted));
        }
        boolean many = batch || texts.getFirst().choices() > 1;
        return new GenerateCall(texts, wants, many ? GenerateCall.Shape.LIST : GenerateCall.Shape.ONE);
    }

    private TextRequest request(String rid, Prompt prompt, JsonObject sampling, GenerateCall.Wanted wanted) {
        SamplingParams.Builder params = SamplingParams.builder();
        SamplingFields.read(sampling, params, service.vocabSize());
        Integer most = Objects.requireNonNullElse(sampling.integer("max_new_tokens"), DEFAULT_TOKENS);
        if (most < 0) {
            throw RequestRejected.invalid("max_new_tokens", "max_new_tokens must be at least 0, got " + most);
        }
        // Reading the prompt alone is asked for as one token, which is then left out of the answer.
        params.maxNewTokens(Math.max(most, 1))
                .minNewTokens(Objects.requireNonNullElse(sampling.integer("min_new_tokens"), 0))
                .seed(sampling.longInteger("sampling_seed"))
                .logprobs(wanted.logprobs());
        return new TextRequest(
                rid,
                prompt,
                params.build(),
                sampling.strings("stop"),
                Objects.requireNonNullElse(sampling.integer("n"), 1),
                new OutputText(
                        !Boolean.FALSE.equals(sampling.flag("skip_special_tokens")), !sampling.isTrue("no_stop_trim")),
                Objects.requireNonNullElse(body.integer("priority"), 0),
                CacheSalt.of(body));
    }

    private GenerateCall.Wanted wanted(int prompt, boolean promptAlone) {
        boolean logprobs = Boolean.TRUE.equals(flag("return_logprob", prompt));
        Integer start = integer("logprob_start_len", prompt);
        if (logprobs && start != null && start >= 0) {
            throw RequestRejected.invalid(
                    "logprob_start_len",
                    "logprob_start_len: log-probabilities of the prompt are not computed in this version; use -1 or"
                            + " leave the field out");
        }
        Integer top = integer("top_logprobs_num", prompt);
        if (top != null && top < 0) {
            throw RequestRejected.invalid("top_logprobs_num", "top_logprobs_num must be at least 0, got " + top);
        }
        return new GenerateCall.Wanted(
                logprobs ? Objects.requireNonNullElse(top, 0) : -1,
                body.isTrue("return_text_in_logprobs") ? GenerateCall.Names.TEXT : GenerateCall.Names.NULL,
                promptAlone ? GenerateCall.Extent.PROMPT_ALONE : GenerateCall.Extent.ANSWER);
    }

    /** The sampling parameters of a prompt. Unknown names are refused. */
    private JsonObject sampling(int prompt) {
        Object value = at("sampling_params", prompt);
        JsonObject sampling = JsonObject.of(value == null ? Map.of() : value, "sampling_params");
        Unbuilt.refuse(sampling);
        for (Object name : sampling.names()) {
            String key = String.valueOf(name);
            if (!SamplingFields.NAMES.contains(key) && !OTHER_SAMPLING_NAMES.contains(key) && !Unbuilt.knows(key)) {
                throw RequestRejected.invalid(
                        "sampling_params." + key, "sampling_params: unknown parameter '" + key + "'");
            }
        }
        return sampling;
    }

    private boolean isBatch() {
        Object text = body.raw("text");
        Object ids = body.raw("input_ids");
        if ((text == null) == (ids == null)) {
            throw RequestRejected.invalid("text", "Either text or input_ids should be provided, and not both");
        }
        return text instanceof List<?> || (ids instanceof List<?> l && !l.isEmpty() && l.getFirst() instanceof List<?>);
    }

    private List<Prompt> prompts(boolean batch) {
        var prompts = new ArrayList<Prompt>();
        Object ids = body.raw("input_ids");
        if (ids == null) {
            body.strings("text").forEach(t -> prompts.add(text(t)));
        } else if (!batch) {
            prompts.add(ids(ids, "input_ids"));
        } else {
            List<?> lists = Objects.requireNonNull(body.list("input_ids"));
            for (int i = 0; i < lists.size(); i++) {
                prompts.add(ids(lists.get(i), "input_ids[" + i + "]"));
            }
        }
        if (prompts.isEmpty()) {
            throw RequestRejected.invalid("text", "text is an empty list; give at least one prompt");
        }
        return prompts;
    }

    private static Prompt text(String text) {
        if (text.isEmpty()) {
            throw RequestRejected.invalid("text", "Prompt cannot be empty");
        }
        return new Prompt.Text(text);
    }

    private Prompt ids(@Nullable Object list, String path) {
        if (!(list instanceof List<?> ids)) {
            throw JsonObject.wrong(path, "a list of token ids", list);
        }
        if (ids.isEmpty()) {
            throw RequestRejected.invalid(path, path + " is empty; give at least one token id");
        }
        return new Prompt.Ids(TokenIds.checked(JsonObject.integers(ids, path), service.vocabSize(), path));
    }

    private @Nullable Boolean flag(String name, int prompt) {
        return one(name, prompt).flag(name);
    }

    private @Nullable Integer integer(String name, int prompt) {
        return one(name, prompt).integer(name);
    }

    /** An object that holds {@code prompt}'s own value of one field, so that it is read as any other. */
    private JsonObject one(String name, int prompt) {
        var single = new LinkedHashMap<String, @Nullable Object>();
        single.put(name, at(name, prompt));
        return JsonObject.of(single, "");
    }

    private @Nullable Object at(String name, int prompt) {
        Object value = body.raw(name);
        if (!(value instanceof List<?> list)) {
            return value;
        }
        if (prompt >= list.size()) {
            throw RequestRejected.invalid(
                    name, name + " has " + list.size() + " entries, too few; give one for each prompt, or one for all");
        }
        return list.get(prompt);
    }
}
