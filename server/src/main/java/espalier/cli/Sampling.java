package espalier.cli;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.config.Flag;
import org.jspecify.annotations.Nullable;

/** Sampling flags of the commands that generate; what is not given keeps the model's default. */
record Sampling(
        @Flag(
                value = {"--max-new-tokens", "--max-tokens"},
                help = "Most tokens to generate; the rest of the context by default.",
                label = "TOKENS")
        @Nullable
        Integer maxNewTokens,

        @Flag(
                value = "--temperature",
                help = "0 is greedy; the model's own by default, or else 0 (generate) or 0.7 (chat).",
                label = "T")
        @Nullable
        Double temperature,

        @Flag(value = "--top-k", help = "Keep the k likeliest tokens; -1 keeps all.", label = "K") @Nullable
        Integer topK,

        @Flag(value = "--top-p", help = "Keep the likeliest tokens that together have this probability.", label = "P")
        @Nullable
        Double topP,

        @Flag(value = "--min-p", help = "Drop tokens less likely than this share of the likeliest.", label = "P")
        @Nullable
        Double minP,

        @Flag(value = "--seed", help = "The same seed gives the same text.", label = "SEED") @Nullable
        Long seed,

        @Flag(value = "--system", help = "System prompt.", label = "TEXT") @Nullable
        String system) {

    /**
     * Refuses what no model could be asked for, before one is loaded.
     *
     * @throws RequestRejected that names the flag
     */
    void require() {
        try {
            var _ = over(SamplingParams.builder(), 0);
        } catch (RequestRejected e) {
            String field = String.valueOf(e.parameter());
            String flag = "--" + field.replace('_', '-');
            throw RequestRejected.invalid(flag, e.getMessage().replace(field, flag));
        }
    }

    /** @param calm the temperature where neither the user nor the model names one: 1 makes small models ramble */
    SamplingParams over(SamplingParams.Builder defaults, float calm) {
        if (temperature == null && defaults.build().temperature() == 1) {
            defaults.temperature(calm);
        }
        if (maxNewTokens != null) {
            defaults.maxNewTokens(maxNewTokens);
        }
        if (temperature != null) {
            defaults.temperature(temperature.floatValue());
        }
        if (topK != null) {
            defaults.topK(topK);
        }
        if (topP != null) {
            defaults.topP(topP.floatValue());
        }
        if (minP != null) {
            defaults.minP(minP.floatValue());
        }
        return defaults.seed(seed).build();
    }
}
