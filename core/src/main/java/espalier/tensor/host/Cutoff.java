package espalier.tensor.host;

import java.util.Arrays;

/**
 * Finds where top-k and top-p cut a row of weights, without sorting it.
 *
 * <p>Weights lie in [0, 1], so their bits as integers order them. Three rounds of ten bits each count and sum the
 * weights by the next ten bits, walk down from the greatest to the group in which the cut falls, and go on inside that
 * group; after the third the group is one value. Of equal weights the lower id is the likelier one.
 */
final class Cutoff {
    private static final int BITS = 10;
    private static final int GROUPS = 1 << BITS;

    private final int[] counts = new int[GROUPS];
    private final double[] sums = new double[GROUPS];
    private float least;
    private int ties;

    /** Weights below this are cut off. */
    float least() {
        return least;
    }

    /** How many of the weights equal to {@link #least} stay: the first ones. */
    int ties() {
        return ties;
    }

    void keepAll() {
        atLeast(0);
    }

    private void atLeast(float weight) {
        least = weight;
        ties = Integer.MAX_VALUE;
    }

    /** Besides the cut already found, everything under {@code weight} goes (min-p). */
    void alsoAtLeast(float weight) {
        if (weight > least) {
            atLeast(weight);
        }
    }

    /**
     * Keeps a weight if fewer than {@code k} are likelier and their sum is at most {@code mass}; so at least one stays,
     * and the one that carries the sum over {@code mass} is the last.
     */
    void find(float[] weights, int k, double mass) {
        int prefix = 0;
        int above = 0;
        double sumAbove = 0;
        int inGroup = weights.length;
        for (int shift = 2 * BITS; shift >= 0; shift -= BITS) {
            tally(weights, shift, prefix);
            int group = GROUPS - 1;
            int seen = counts[group];
            while (seen < inGroup && above + counts[group] < k && sumAbove + sums[group] <= mass) {
                above += counts[group];
                sumAbove += sums[group];
                group--;
                seen += counts[group];
            }
            prefix = (prefix << BITS) | group;
            inGroup = counts[group];
        }
        least = Float.intBitsToFloat(prefix);
        double untilMass = least > 0 ? Math.floor((mass - sumAbove) / least) + 1 : inGroup;
        ties = (int) Math.clamp(Math.min(untilMass, k - above), 1, inGroup);
    }

    /** Counts and sums those whose bits above the next ten are {@code prefix}. */
    private void tally(float[] weights, int shift, int prefix) {
        Arrays.fill(counts, 0);
        Arrays.fill(sums, 0);
        for (float weight : weights) {
            int bits = Float.floatToRawIntBits(weight) >>> shift;
            if (bits >>> BITS == prefix) {
                counts[bits & (GROUPS - 1)]++;
                sums[bits & (GROUPS - 1)] += weight;
            }
        }
    }
}
