package espalier.load;

import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** The API that a server is asked by; both stream, both are given token ids and are to ignore end tokens. */
public enum Backend {
    /** SGLang's {@code /generate}: every event counts the tokens so far. */
    SGLANG("sglang", "/generate") {
        @Override
        Map<String, Object> body(String model, Workload.Item item) {
            return Map.of(
                    "input_ids",
                    item.prompt().toArray(),
                    "stream",
                    true,
                    "sampling_params",
                    Map.of("temperature", 0, "max_new_tokens", item.outputTokens(), "ignore_eos", true));
        }

        @Override
        void read(JsonNode event, Received received) {
            JsonNode facts = event.path("meta_info");
            JsonNode tokens = facts.path("completion_tokens");
            if (tokens.isNumber()) {
                received.told(tokens.asInt());
            }
            tellCached(facts, received);
        }
    },

    /**
     * OpenAI's {@code /v1/completions}, with {@code ignore_eos} as vLLM, SGLang and llama.cpp know it. An event counts as one
     * token; the usage at the end corrects the number where a server sends several tokens, or none, in one event.
     */
    OPENAI("openai", "/v1/completions") {
        @Override
        Map<String, Object> body(String model, Workload.Item item) {
            var body = new LinkedHashMap<String, Object>();
            body.put("model", model);
            body.put("prompt", item.prompt().toArray());
            body.put("stream", true);
            body.put("stream_options", Map.of("include_usage", true));
            body.put("temperature", 0);
            body.put("max_tokens", item.outputTokens());
            body.put("ignore_eos", true);
            return body;
        }

        @Override
        void read(JsonNode event, Received received) {
            if (!event.path("choices").isEmpty()) {
                received.event();
            }
            JsonNode usage = event.path("usage");
            if (usage.path("completion_tokens").isNumber()) {
                received.exactly(usage.path("completion_tokens").asInt());
                tellCached(usage.path("prompt_tokens_details"), received);
            }
        }
    };

    private final String flag;
    private final String path;

    Backend(String flag, String path) {
        this.flag = flag;
        this.path = path;
    }

    /** As {@code --backend} takes it and reports show it. */
    public String flag() {
        return flag;
    }

    String path() {
        return path;
    }

    /** Servers that do not count the tokens that their cache spared them leave the number out, or null. */
    private static void tellCached(JsonNode facts, Received received) {
        JsonNode cached = facts.path("cached_tokens");
        if (cached.isNumber()) {
            received.cached(cached.asInt());
        }
    }

    /** @param model what the server calls its model, where the API has a field for it */
    abstract Map<String, Object> body(String model, Workload.Item item);

    abstract void read(JsonNode event, Received received);
}
