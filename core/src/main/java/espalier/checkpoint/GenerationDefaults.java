package espalier.checkpoint;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What {@code generation_config.json} recommends; null where it says nothing. It sits between a request's own values and
 * the neutral ones.
 *
 * @param eosTokenIds ids that end an answer; empty where the file has none
 */
public record GenerationDefaults(
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Integer topK,
        @Nullable Double minP,
        @Nullable Double repetitionPenalty,
        Tokens eosTokenIds) {

    /** No recommendations: there is no such file. */
    public static final GenerationDefaults NONE = new GenerationDefaults(null, null, null, null, null, Tokens.empty());

    /**
     * Reads the file's object; {@code file} is for the messages. What no request may say the file may not say either: each
     * request that takes the defaults would be refused, and its caller blamed.
     */
    public static GenerationDefaults of(Path file, JsonNode json) {
        Field field = new Field(file, json);
        var defaults = new GenerationDefaults(
                field.number("temperature"),
                field.number("top_p"),
                field.integer("top_k"),
                field.number("min_p"),
                field.number("repetition_penalty"),
                tokenIds(file, "eos_token_id", json.path("eos_token_id")));
        try {
            defaults.sampling().build();
        } catch (RequestRejected e) {
            throw JsonFile.fault(file + ": " + e.getMessage() + "; correct the file");
        }
        return defaults;
    }

    /** A request's parameters, before the request says anything. */
    public SamplingParams.Builder sampling() {
        var builder = SamplingParams.builder();
        if (temperature != null) {
            builder.temperature(temperature.floatValue());
        }
        if (topP != null) {
            builder.topP(topP.floatValue());
        }
        if (topK != null && topK > 0) {
            builder.topK(topK);
        }
        if (minP != null) {
            builder.minP(minP.floatValue());
        }
        if (repetitionPenalty != null) {
            builder.repetitionPenalty(repetitionPenalty.floatValue());
        }
        return builder;
    }

    /** One id, several, or none (null or absent). */
    static Tokens tokenIds(Path file, String name, JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return Tokens.empty();
        }
        int[] ids = new int[node.isArray() ? node.size() : 1];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = node.isArray() ? node.path(i) : node;
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.asInt() < 0) {
                throw JsonFile.fault(file + ": " + name + " is " + node + "; token ids are expected");
            }
            ids[i] = id.asInt();
        }
        return Tokens.of(ids);
    }

    private record Field(Path file, JsonNode json) {
        @Nullable
        Double number(String name) {
            JsonNode value = json.path(name);
            if (value.isMissingNode() || value.isNull()) {
                return null;
            }
            if (!value.isNumber()) {
                throw JsonFile.fault(file + ": " + name + " is " + value + "; a number is expected");
            }
            return value.asDouble();
        }

        @Nullable
        Integer integer(String name) {
            JsonNode value = json.path(name);
            if (value.isMissingNode() || value.isNull()) {
                return null;
            }
            if (!value.isIntegralNumber() || !value.canConvertToInt()) {
                throw JsonFile.fault(file + ": " + name + " is " + value + "; a whole number is expected");
            }
            return value.asInt();
        }
    }
}
