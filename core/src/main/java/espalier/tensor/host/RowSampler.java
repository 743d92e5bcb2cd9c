package espalier.tensor.host;

import espalier.api.SamplingParams;
import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The arithmetic of one row; holds the scratch memory of one lane. */
final class RowSampler {
    /** What stands for a token where every id is forbidden or no logit is a number. */
    static final int NOTHING = StepResult.NOTHING;

    private final float[] row;
    private final Cutoff cutoff = new Cutoff();
    private final Alternatives alternatives;

    RowSampler(int vocab, Alternatives alternatives) {
        this.alternatives = alternatives;
        row = new float[vocab];
    }

    /** Where the caller puts the raw logits. */
    float[] row() {
        return row;
    }

    Alternatives alternatives() {
        return alternatives;
    }

    int choose(SamplingBatch.Row how, @Nullable TokenCounts counts) {
        SamplingParams p = how.params();
        if (counts != null) {
            counts.penalise(row, p);
        }
        forbid(how);
        for (Map.Entry<Integer, Float> bias : p.logitBias().entrySet()) {
            if (bias.getKey() < row.length) {
                row[bias.getKey()] += bias.getValue();
            }
        }
        int likeliest = likeliest();
        return p.isGreedy() || likeliest == NOTHING ? likeliest : draw(how, likeliest);
    }

    private void forbid(SamplingBatch.Row how) {
        for (int i = 0; i < how.barred().size(); i++) {
            if (how.barred().get(i) < row.length) {
                row[how.barred().get(i)] = Float.NEGATIVE_INFINITY;
            }
        }
        long[] mask = how.mask();
        if (mask == null) {
            return;
        }
        for (int from = 0; from < row.length; from += Long.SIZE) {
            long allowed = from / Long.SIZE < mask.length ? mask[from / Long.SIZE] : 0;
            if (allowed == -1L) {
                continue;
            }
            int end = Math.min(from + Long.SIZE, row.length);
            for (int id = from; id < end; id++, allowed >>>= 1) {
                if ((allowed & 1) == 0) {
                    row[id] = Float.NEGATIVE_INFINITY;
                }
            }
        }
    }

    private int likeliest() {
        float max = Float.NEGATIVE_INFINITY;
        int id = NOTHING;
        for (int i = 0; i < row.length; i++) {
            if (row[i] > max) {
                max = row[i];
                id = i;
            }
        }
        return id;
    }

    private int draw(SamplingBatch.Row how, int likeliest) {
        SamplingParams p = how.params();
        double all = weigh(row[likeliest], p.temperature());
        if (!(all > 0)) {
            return likeliest; // an infinite logit
        }
        boolean topK = p.topK() > 0 && p.topK() < row.length;
        boolean topP = p.topP() < 1;
        cutoff.keepAll();
        if (topK || topP) {
            cutoff.find(row, topK ? p.topK() : row.length, topP ? p.topP() * all : Double.POSITIVE_INFINITY);
        }
        cutoff.alsoAtLeast(p.minP());
        return invert(Philox.uniform(how.seed(), p.choice(), how.position()));
    }

    /** Turns logits into weights relative to the likeliest and returns their sum. */
    private double weigh(float max, float temperature) {
        double sum = 0;
        for (int i = 0; i < row.length; i++) {
            float weight = Exp.of((row[i] - max) / temperature);
            row[i] = weight;
            sum += weight;
        }
        return sum;
    }

    /** The id at which the running sum of what is kept, in id order, passes share {@code u} of the whole. */
    private int invert(double u) {
        double kept = 0;
        float least = cutoff.least();
        int ties = cutoff.ties();
        for (int i = 0; i < row.length; i++) {
            if (row[i] < least || (row[i] == least && --ties < 0)) {
                row[i] = 0;
            } else {
                kept += row[i];
            }
        }
        double until = u * kept;
        double sum = 0;
        int last = NOTHING;
        for (int i = 0; i < row.length; i++) {
            if (row[i] > 0) {
                last = i;
                sum += row[i];
                if (sum > until) {
                    break;
                }
            }
        }
        return last;
    }
}
