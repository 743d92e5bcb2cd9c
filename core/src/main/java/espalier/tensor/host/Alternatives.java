package espalier.tensor.host;

import espalier.api.SamplingParams;
import espalier.api.TokenLogprobs;
import espalier.base.Tokens;
import java.util.Arrays;
import java.util.function.IntFunction;

/** Log-probabilities of one row of logits: the normaliser and the likeliest ids, ties by the lower id. */
final class Alternatives {
    private double logSum;
    private int count;
    private final int[] ids = new int[SamplingParams.MAX_LOGPROBS];
    private final float[] values = new float[SamplingParams.MAX_LOGPROBS];
    private final IntFunction<float[]> floats;

    /** @param floats where what is handed out comes from */
    Alternatives(IntFunction<float[]> floats) {
        this.floats = floats;
    }

    /** Reads the row; {@code wanted} is how many of the likeliest ids to keep. */
    void read(float[] logits, int wanted) {
        float max = Float.NEGATIVE_INFINITY;
        for (float v : logits) {
            max = Math.max(max, v);
        }
        double sum = 0;
        for (float v : logits) {
            sum += Exp.of(v - max);
        }
        logSum = max + Math.log(sum);
        count = 0;
        int most = Math.min(wanted, logits.length);
        if (most > 0) {
            collect(logits, most);
        }
    }

    private void collect(float[] logits, int most) {
        float least = Float.NEGATIVE_INFINITY;
        for (int id = 0; id < logits.length; id++) {
            float v = logits[id];
            if (count == most && !(v > least)) {
                continue;
            }
            int at = count == most ? most - 1 : count++;
            while (at > 0 && values[at - 1] < v) {
                values[at] = values[at - 1];
                ids[at] = ids[at - 1];
                at--;
            }
            values[at] = v;
            ids[at] = id;
            least = values[count - 1];
        }
    }

    /** @throws OutOfMemoryError where there is no memory for them */
    TokenLogprobs of(float chosenLogit) {
        float[] logprobs = floats.apply(count);
        for (int i = 0; i < count; i++) {
            logprobs[i] = (float) (values[i] - logSum);
        }
        return new TokenLogprobs((float) (chosenLogit - logSum), Tokens.of(Arrays.copyOf(ids, count)), logprobs);
    }
}
