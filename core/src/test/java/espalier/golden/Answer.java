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
import java.util.function.Consumer;

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
        Emission.Done done = hear(
                generation,
                token -> tokens.add(new Scored(
                        token.id(),
                        Float.floatToRawIntBits(
                                Objects.requireNonNull(token.logprobs()).chosen()))));
        return new Answer(List.copyOf(tokens), done.cachedTokens());
    }

    private static Emission.Done hear(Generation generation, Consumer<Emission.Token> tokens)
            throws InterruptedException {
        while (true) {
            switch (generation.next()) {
                case Emission.Token token -> tokens.accept(token);
                case Emission.Done done -> {
                    return done;
                }
                case Emission.Failed failed -> throw failed.cause();
            }
        }
    }

    /** Greedy answers of so many tokens to all prompts at once. */
    public static List<Answer> greedy(Engine engine, List<int[]> prompts, int newTokens) throws InterruptedException {
        var all = new ArrayList<Answer>();
        for (Generation each : submit(engine, prompts, newTokens, 0)) {
            all.add(of(each));
        }
        return all;
    }

    /** The same, each token with the two best there were. */
    public static List<List<Emission.Token>> scored(Engine engine, List<int[]> prompts, int newTokens)
            throws InterruptedException {
        var all = new ArrayList<List<Emission.Token>>();
        for (Generation each : submit(engine, prompts, newTokens, 2)) {
            var tokens = new ArrayList<Emission.Token>();
            var _ = hear(each, tokens::add);
            all.add(tokens);
        }
        return all;
    }

    private static List<Generation> submit(Engine engine, List<int[]> prompts, int newTokens, int topLogprobs) {
        var params = SamplingParams.builder()
                .maxNewTokens(newTokens)
                .ignoreEos(true)
                .temperature(0)
                .logprobs(topLogprobs)
                .build();
        var open = new ArrayList<Generation>();
        for (int[] prompt : prompts) {
            open.add(engine.submit(new GenerateRequest("greedy-" + open.size(), Tokens.of(prompt), params)));
        }
        return open;
    }
}
