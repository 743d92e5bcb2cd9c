package espalier.serving;

import espalier.api.RequestRejected;
import espalier.http.JsonObject;
import java.util.Collection;
import java.util.Map;

/** Fields that SGLang knows and this version does not honour: refused rather than ignored. */
public final class Unbuilt {
    private static final String GRAMMAR = "structured output is not built in this version";
    private static final String LORA = "LoRA adapters are not built in this version";
    private static final String MEDIA = "this model takes text only";
    private static final String SESSION = "sessions are not built in this version";

    private static final Map<String, String> REASONS = Map.ofEntries(
            Map.entry("json_schema", GRAMMAR),
            Map.entry("regex", GRAMMAR),
            Map.entry("ebnf", GRAMMAR),
            Map.entry("structural_tag", GRAMMAR),
            Map.entry("stop_regex", "stop expressions are not built in this version; use stop"),
            Map.entry("lora_path", LORA),
            Map.entry("image_data", MEDIA),
            Map.entry("video_data", MEDIA),
            Map.entry("audio_data", MEDIA),
            Map.entry("input_embeds", "embeddings as input are not built in this version"),
            Map.entry("custom_logit_processor", "custom logit processors are not built in this version"),
            Map.entry("session_id", SESSION),
            Map.entry("session_params", SESSION),
            Map.entry("return_hidden_states", "returning hidden states is not built in this version"),
            Map.entry("return_routed_experts", "returning routed experts is not built in this version"),
            Map.entry("token_ids_logprob", "log-probabilities of given ids are not built in this version"),
            Map.entry("suffix", "completion in the middle is not built in this version"));

    private Unbuilt() {}

    /** Refuses a request that sets one of the fields; null, false and empty count as unset. */
    public static void refuse(JsonObject fields) {
        REASONS.forEach((name, reason) -> {
            if (isSet(fields.raw(name))) {
                throw new RequestRejected(
                        RequestRejected.Code.INVALID,
                        fields.pathOf(name) + ": " + reason + "; leave the field out",
                        fields.pathOf(name));
            }
        });
    }

    public static boolean knows(String name) {
        return REASONS.containsKey(name);
    }

    private static boolean isSet(@org.jspecify.annotations.Nullable Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case String s -> !s.isEmpty();
            case Collection<?> c -> !c.isEmpty();
            case Map<?, ?> m -> !m.isEmpty();
            default -> true;
        };
    }
}
