package espalier.checkpoint;

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
        @Nullable Integer maxNewTokens,
        Tokens eosTokenIds) {

    /** No recommendations: there is no such file. */
    public static final GenerationDefaults NONE =
            new GenerationDefaults(null, null, null, null, null, null, Tokens.empty());

    /** Reads the file's object; {@code file} is for the messages. */
    static GenerationDefaults of(Path file, JsonNode json) {
        Field field = new Field(file, json);
        return new GenerationDefaults(
                field.number("temperature", 0, Double.MAX_VALUE),
                field.number("top_p", 0, 1),
                field.integer("top_k"),
                field.number("min_p", 0, 1),
                field.number("repetition_penalty", 0, Double.MAX_VALUE),
                field.integer("max_new_tokens"),
                tokenIds(file, "eos_token_id", json.path("eos_token_id")));
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
        Double number(String name, double least, double most) {
            JsonNode value = json.path(name);
            if (value.isMissingNode() || value.isNull()) {
                return null;
            }
            double number = value.isNumber() ? value.asDouble() : Double.NaN;
            if (!(number >= least && number <= most)) {
                throw JsonFile.fault(file + ": " + name + " is " + value + "; a number from " + least
                        + (most == Double.MAX_VALUE ? " up" : " to " + most) + " is expected");
            }
            return number;
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
