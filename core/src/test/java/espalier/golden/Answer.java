package espalier.golden;

import espalier.api.Emission;
import espalier.api.Engine;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a request was answered, to the bit.
 *
 * @param cachedTokens of its prompt
 */
public record Answer(List<Scored> tokens, int cachedTokens) {
    /** A token and the bits of its log-probability. */
    public record Scored(int token, int logprobBits) {}

    /** Hears the answer out, of a request that asks for log-probabilities; throws what it failed by. */
    public static Answer of(Generation generation) throws InterruptedException {
        var tokens = new ArrayList<Scored>();
        while (true) {
            switch (generation.next()) {
                case Emission.Token token -> {
                    float logprob = Objects.requireNonNull(token.logprobs()).chosen();
                    tokens.add(new Scored(token.id(), Float.floatToRawIntBits(logprob)));
                }
                case Emission.Done done -> {
                    return new Answer(List.copyOf(tokens), done.cachedTokens());
                }
                case Emission.Failed failed -> throw failed.cause();
            }
        }
    }

    /** Greedy answers of so many tokens to all prompts at once. */
    public static List<Answer> greedy(Engine engine, List<int[]> prompts, int newTokens) throws InterruptedException {
        var params = SamplingParams.builder()
                .maxNewTokens(newTokens)
                .ignoreEos(true)
                .temperature(0)
                .logprobs(0)
                .build();
        var open = new ArrayList<Generation>();
        for (int[] prompt : prompts) {
            open.add(engine.submit(new GenerateRequest("greedy-" + open.size(), Tokens.of(prompt), params)));
        }
        var all = new ArrayList<Answer>();
        for (Generation each : open) {
            all.add(of(each));
        }
        return all;
    }
}
