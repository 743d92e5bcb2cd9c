package espalier.load;

import espalier.exec.LogitReader;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How well a model knows a text, and how far it is from another model that it was made of: perplexity, the mean
 * Kullback-Leibler divergence of its distribution from the other's, and how often both would choose the same token. As
 * llama.cpp does it, a text is cut into windows, of which the first half is only context.
 */
public final class Perplexity {
    /** Positions that are read at once. */
    public static final int RUN = 64;

    private final LogitReader model;
    private final @Nullable LogitReader against;

    /** @param against what the model is compared with; null for nothing */
    public Perplexity(LogitReader model, @Nullable LogitReader against) {
        if (against != null && model.vocabulary() != against.vocabulary()) {
            throw new IllegalArgumentException("vocabularies of " + model.vocabulary() + " and of "
                    + against.vocabulary() + " tokens cannot be compared");
        }
        this.model = model;
        this.against = against;
    }

    /** Sums over positions. */
    private record Score(double surprise, double againstSurprise, double divergence, int same, int count) {
        Score plus(Score o) {
            return new Score(
                    surprise + o.surprise,
                    againstSurprise + o.againstSurprise,
                    divergence + o.divergence,
                    same + o.same,
                    count + o.count);
        }
    }

    /**
     * Reads the windows that fit into {@code ids}, but no more than {@code windows}; a line for each goes to {@code out}.
     *
     * @param prefix ids before every window
     * @param window tokens of one, its prefix included
     */
    public Map<String, Object> measure(int[] ids, int[] prefix, int window, int windows, PrintStream out) {
        int each = window - prefix.length;
        int count = Math.min(windows, ids.length / each);
        var all = new Score(0, 0, 0, 0, 0);
        for (int w = 0; w < count; w++) {
            int[] text = Arrays.copyOf(prefix, window);
            System.arraycopy(ids, w * each, text, prefix.length, each);
            all = all.plus(score(text));
            out.printf(
                    Locale.ROOT,
                    "window %d of %d: perplexity %.4f%s%n",
                    w + 1,
                    count,
                    Math.exp(all.surprise / all.count),
                    against == null ? "" : String.format(Locale.ROOT, ", mean KL %.6f", all.divergence / all.count));
        }
        return figures(all, count, window);
    }

    private Map<String, Object> figures(Score all, int windows, int window) {
        var figures = new LinkedHashMap<String, Object>();
        figures.put("windows", windows);
        figures.put("window_tokens", window);
        figures.put("scored_tokens", all.count);
        figures.put("perplexity", Math.exp(all.surprise / all.count));
        if (against != null) {
            figures.put("against_perplexity", Math.exp(all.againstSurprise / all.count));
            figures.put("mean_kl", all.divergence / all.count);
            figures.put("same_choice_share", (double) all.same / all.count);
        }
        return figures;
    }

    private Score score(int[] text) {
        var sum = new Score(0, 0, 0, 0, 0);
        for (int from = 0; from + 1 < text.length; from += RUN) {
            int[] run = Arrays.copyOfRange(text, from, Math.min(from + RUN, text.length));
            float[][] logits = model.read(run, from);
            float[][] other = against == null ? logits : against.read(run, from);
            int start = from;
            sum = sum.plus(IntStream.range(0, run.length)
                    .filter(i -> start + i >= text.length / 2 && start + i + 1 < text.length)
                    .parallel()
                    .mapToObj(i -> position(logits[i], other[i], text[start + i + 1]))
                    .reduce(new Score(0, 0, 0, 0, 0), Score::plus));
        }
        return sum;
    }

    private static Score position(float[] logits, float[] other, int next) {
        double norm = logSum(logits);
        double otherNorm = logSum(other);
        double divergence = 0;
        int best = 0;
        int otherBest = 0;
        for (int i = 0; i < logits.length; i++) {
            double p = other[i] - otherNorm;
            divergence += Math.exp(p) * (p - (logits[i] - norm));
            best = logits[i] > logits[best] ? i : best;
            otherBest = other[i] > other[otherBest] ? i : otherBest;
        }
        return new Score(norm - logits[next], otherNorm - other[next], divergence, best == otherBest ? 1 : 0, 1);
    }

    private static double logSum(float[] logits) {
        float most = Float.NEGATIVE_INFINITY;
        for (float each : logits) {
            most = Math.max(most, each);
        }
        double sum = 0;
        for (float each : logits) {
            sum += Math.exp(each - most);
        }
        return most + Math.log(sum);
    }
}
