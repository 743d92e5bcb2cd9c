package espalier.api;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How one request's tokens are chosen and when it ends, in ids alone (stop strings belong to the text path).
 *
 * @param maxNewTokens most tokens to generate; null for the rest of the context
 * @param minNewTokens stop ids are barred until this many tokens have been generated
 * @param temperature 0 is greedy
 * @param topK keep the k likeliest; -1 keeps all
 * @param topP keep the smallest set of likeliest tokens whose probabilities sum to at least this
 * @param minP drop tokens less likely than this share of the likeliest
 * @param presencePenalty subtracted once from the logit of every token generated before
 * @param frequencyPenalty subtracted for each time that a token was generated before
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens in prompt or output
 * @param logitBias added to the logits of the ids named
 * @param seed a draw depends on seed, choice and position alone; null draws a fresh seed at submission
 * @param choice which of the {@code n} answers to one prompt this is, from 0
 * @param stopTokenIds end the request, and are not shown, besides the model's own end tokens
 * @param ignoreEos no id ends the request, neither the model's own end tokens nor {@code stopTokenIds}, as in SGLang
 * @param logprobs how many alternatives to report with each token; -1 reports no log-probabilities, 0 the chosen token's alone
 */
public record SamplingParams(
        @Nullable Integer maxNewTokens,
        int minNewTokens,
        float temperature,
        int topK,
        float topP,
        float minP,
        float presencePenalty,
        float frequencyPenalty,
        float repetitionPenalty,
        Map<Integer, Float> logitBias,
        @Nullable Long seed,
        int choice,
        Set<Integer> stopTokenIds,
        boolean ignoreEos,
        int logprobs) {

    /** Most alternatives that may be asked for with each token. */
    public static final int MAX_LOGPROBS = 128;

    public SamplingParams {
        logitBias = Map.copyOf(logitBias);
        stopTokenIds = Set.copyOf(stopTokenIds);
        require(maxNewTokens == null || maxNewTokens > 0, "max_new_tokens", "must be at least 1", maxNewTokens);
        require(minNewTokens >= 0, "min_new_tokens", "must be at least 0", minNewTokens);
        require(
                maxNewTokens == null || minNewTokens <= maxNewTokens,
                "min_new_tokens",
                "must not be greater than max_new_tokens",
                minNewTokens);
        require(temperature >= 0 && Float.isFinite(temperature), "temperature", "must be 0 or greater", temperature);
        require(topK == -1 || topK >= 1, "top_k", "must be -1 (all) or at least 1", topK);
        require(topP > 0 && topP <= 1, "top_p", "must be in (0, 1]", topP);
        require(minP >= 0 && minP <= 1, "min_p", "must be in [0, 1]", minP);
        require(
                presencePenalty >= -2 && presencePenalty <= 2,
                "presence_penalty",
                "must be in [-2, 2]",
                presencePenalty);
        require(
                frequencyPenalty >= -2 && frequencyPenalty <= 2,
                "frequency_penalty",
                "must be in [-2, 2]",
                frequencyPenalty);
        require(
                repetitionPenalty > 0 && repetitionPenalty <= 2,
                "repetition_penalty",
                "must be in (0, 2]",
                repetitionPenalty);
        require(
                logprobs >= -1 && logprobs <= MAX_LOGPROBS,
                "top_logprobs",
                "must be between 0 and " + MAX_LOGPROBS,
                logprobs);
    }

    private static void require(boolean holds, String name, String rule, @Nullable Object value) {
        if (!holds) {
            throw RequestRejected.invalid(name, name + " " + rule + ", got " + value);
        }
    }

    /** Greedy, to the end of the context. */
    public static SamplingParams greedy() {
        return builder().temperature(0).build();
    }

    public static Builder builder() {
        return new Builder();
    }

    public boolean isGreedy() {
        return temperature == 0 || topK == 1;
    }

    public boolean hasPenalties() {
        return presencePenalty != 0 || frequencyPenalty != 0 || repetitionPenalty != 1;
    }

    /** The ids that end a request to a model whose own end tokens are {@code endIds}. */
    public Set<Integer> stopIds(Set<Integer> endIds) {
        if (ignoreEos) {
            return Set.of();
        }
        var ids = new HashSet<>(endIds);
        ids.addAll(stopTokenIds);
        return Set.copyOf(ids);
    }

    public Builder toBuilder() {
        var b = new Builder();
        b.maxNewTokens = maxNewTokens;
        b.minNewTokens = minNewTokens;
        b.temperature = temperature;
        b.topK = topK;
        b.topP = topP;
        b.minP = minP;
        b.presencePenalty = presencePenalty;
        b.frequencyPenalty = frequencyPenalty;
        b.repetitionPenalty = repetitionPenalty;
        b.logitBias = logitBias;
        b.seed = seed;
        b.choice = choice;
        b.stopTokenIds = stopTokenIds;
        b.ignoreEos = ignoreEos;
        b.logprobs = logprobs;
        return b;
    }

    /** Collects the parameters by name; what is not set keeps SGLang's default. */
    public static final class Builder {
        private @Nullable Integer maxNewTokens;
        private int minNewTokens;
        private float temperature = 1;
        private int topK = -1;
        private float topP = 1;
        private float minP;
        private float presencePenalty;
        private float frequencyPenalty;
        private float repetitionPenalty = 1;
        private Map<Integer, Float> logitBias = Map.of();
        private @Nullable Long seed;
        private int choice;
        private Set<Integer> stopTokenIds = Set.of();
        private boolean ignoreEos;
        private int logprobs = -1;

        private Builder() {}

        public Builder maxNewTokens(@Nullable Integer tokens) {
            maxNewTokens = tokens;
            return this;
        }

        public Builder minNewTokens(int tokens) {
            minNewTokens = tokens;
            return this;
        }

        public Builder temperature(float value) {
            temperature = value;
            return this;
        }

        public Builder topK(int k) {
            topK = k;
            return this;
        }

        public Builder topP(float p) {
            topP = p;
            return this;
        }

        public Builder minP(float p) {
            minP = p;
            return this;
        }

        public Builder presencePenalty(float value) {
            presencePenalty = value;
            return this;
        }

        public Builder frequencyPenalty(float value) {
            frequencyPenalty = value;
            return this;
        }

        public Builder repetitionPenalty(float value) {
            repetitionPenalty = value;
            return this;
        }

        public Builder logitBias(Map<Integer, Float> bias) {
            logitBias = bias;
            return this;
        }

        public Builder seed(@Nullable Long value) {
            seed = value;
            return this;
        }

        public Builder choice(int index) {
            choice = index;
            return this;
        }

        public Builder stopTokenIds(Set<Integer> ids) {
            stopTokenIds = ids;
            return this;
        }

        public Builder ignoreEos(boolean ignore) {
            ignoreEos = ignore;
            return this;
        }

        public Builder logprobs(int alternatives) {
            logprobs = alternatives;
            return this;
        }

        public SamplingParams build() {
            return new SamplingParams(
                    maxNewTokens,
                    minNewTokens,
                    temperature,
                    topK,
                    topP,
                    minP,
                    presencePenalty,
                    frequencyPenalty,
                    repetitionPenalty,
                    logitBias,
                    seed,
                    choice,
                    stopTokenIds,
                    ignoreEos,
                    logprobs);
        }
    }
}
