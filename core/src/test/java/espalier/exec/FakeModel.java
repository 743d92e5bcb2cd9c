package espalier.exec;

import espalier.api.Emission.FinishReason;
import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.step.TokenRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@link FakeExecutor} must answer, computed from the tokens of one request alone. */
public final class FakeModel {
    private FakeModel() {}

    /** An answer. */
    public record Answer(List<Integer> tokens, List<Float> logprobs, FinishReason reason) {}

    /** Everything that {@code request} should generate, up to {@code most} tokens. */
    public static Answer answer(
            GenerateRequest request, long seed, @Nullable TokenRules rules, Set<Integer> endIds, int vocab, int most) {
        SamplingParams params = request.sampling();
        Tokens prompt = request.prompt();
        var stops = new java.util.TreeSet<Integer>();
        if (!params.ignoreEos()) {
            stops.addAll(params.stopTokenIds());
            stops.addAll(endIds);
        }
        Tokens stopIds = Tokens.of(stops.stream().mapToInt(Integer::intValue).toArray());
        Counts seen = Counts.of(prompt, prompt.size());
        long sum = 0;
        long digest = 0;
        for (int i = 0; i < prompt.size(); i++) {
            digest = digest(sum, prompt.get(i));
            sum = sum(sum, digest);
        }
        var tokens = new ArrayList<Integer>();
        var logprobs = new ArrayList<Float>();
        while (true) {
            int position = prompt.size() + tokens.size();
            long by = chosenBy(digest, params, seed, position, params.hasPenalties() ? seen : null);
            Tokens barred = tokens.size() < params.minNewTokens() ? stopIds : Tokens.empty();
            int token = choose(by, vocab, barred, rules == null ? null : rules.mask());
            tokens.add(token);
            logprobs.add(params.logprobs() < 0 ? Float.NaN : logprob(by));
            seen.add(token);
            if (rules != null) {
                rules.accept(token);
            }
            if (stops.contains(token)) {
                return new Answer(tokens, logprobs, FinishReason.STOP);
            }
            if (tokens.size() == most) {
                return new Answer(tokens, logprobs, FinishReason.LENGTH);
            }
            digest = digest(sum, token);
            sum = sum(sum, digest);
        }
    }

    static long sum(long before, long digest) {
        return before * 0x9E3779B97F4A7C15L + digest;
    }

    static long digest(long sumBefore, int token) {
        return mix(sumBefore + token + 1);
    }

    static long chosenBy(long digest, SamplingParams params, long seed, int position, @Nullable Counts seen) {
        long h = mix(digest ^ mix(seed + 31L * params.choice() + 1_000_003L * position));
        return seen == null ? h : mix(h ^ seen.all * 3 ^ seen.output * 7);
    }

    static float logprob(long chosenBy) {
        return -(chosenBy >>> 40);
    }

    /** The first allowed id from where the digest points. */
    static int choose(long chosenBy, int vocab, Tokens barred, long @Nullable [] mask) {
        int first = (int) Long.remainderUnsigned(chosenBy, vocab);
        for (int i = 0; i < vocab; i++) {
            int id = (first + i) % vocab;
            boolean allowed = mask == null || (mask[id / 64] >>> (id % 64) & 1) != 0;
            if (allowed && barred.stream().noneMatch(b -> b == id)) {
                return id;
            }
        }
        throw new AssertionError("no id is allowed");
    }

    private static long mix(long z) {
        long h = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        h = (h ^ (h >>> 27)) * 0x94D049BB133111EBL;
        return h ^ (h >>> 31);
    }

    /** What penalties look at: which tokens came, and which of these were generated. Order does not matter. */
    static final class Counts {
        private long all;
        private long output;

        static Counts of(Tokens history, int outputFrom) {
            var counts = new Counts();
            for (int i = 0; i < history.size(); i++) {
                counts.all += mix(history.get(i) + 17L);
                counts.output += i < outputFrom ? 0 : mix(history.get(i) + 17L);
            }
            return counts;
        }

        void add(int token) {
            all += mix(token + 17L);
            output += mix(token + 17L);
        }
    }
}
