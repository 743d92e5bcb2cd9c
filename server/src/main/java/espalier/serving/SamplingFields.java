package espalier.serving;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.http.JsonObject;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The sampling fields that have one name on every surface. An absent or null field keeps the default. */
public final class SamplingFields {
    /** A lower temperature is greedy, as in SGLang. */
    private static final float LEAST_TEMPERATURE = 1e-6f;

    public static final Set<String> NAMES = Set.of(
            "temperature",
            "top_p",
            "top_k",
            "min_p",
            "frequency_penalty",
            "presence_penalty",
            "repetition_penalty",
            "ignore_eos",
            "stop_token_ids",
            "logit_bias");

    private SamplingFields() {}

    /** Sets what {@code fields} says; ids have to be below {@code vocabSize}. */
    public static void read(JsonObject fields, SamplingParams.Builder into, int vocabSize) {
        given(fields.number("temperature"), t -> into.temperature(t >= 0 && t < LEAST_TEMPERATURE ? 0 : t));
        given(fields.number("top_p"), into::topP);
        given(fields.integer("top_k"), into::topK);
        given(fields.number("min_p"), into::minP);
        given(fields.number("frequency_penalty"), into::frequencyPenalty);
        given(fields.number("presence_penalty"), into::presencePenalty);
        given(fields.number("repetition_penalty"), into::repetitionPenalty);
        given(fields.flag("ignore_eos"), into::ignoreEos);
        given(
                fields.integers("stop_token_ids"),
                ids -> into.stopTokenIds(IntStream.of(ids).boxed().collect(Collectors.toSet())));
        given(fields.object("logit_bias"), bias -> into.logitBias(logitBias(bias, vocabSize)));
    }

    private static <T> void given(@Nullable T value, Consumer<T> set) {
        if (value != null) {
            set.accept(value);
        }
    }

    private static Map<Integer, Float> logitBias(JsonObject bias, int vocabSize) {
        var byId = new HashMap<Integer, Float>();
        for (Object name : bias.names()) {
            String key = String.valueOf(name);
            int id;
            try {
                id = Integer.parseInt(key);
            } catch (NumberFormatException _) {
                throw RequestRejected.invalid("logit_bias", "logit_bias: '" + key + "' is not a token id");
            }
            if (id < 0 || id >= vocabSize) {
                throw RequestRejected.invalid(
                        "logit_bias", "logit_bias: " + id + " is not in the vocabulary of " + vocabSize + " tokens");
            }
            Float value = bias.number(key);
            if (value != null) {
                byId.put(id, value);
            }
        }
        return byId;
    }
}
