package espalier.sched;

/**
 * How the scheduler chooses, within its {@link Limits}.
 *
 * @param conservativeness scales how much of their possible output running sequences are expected to use
 *     ({@code --schedule-conservativeness}); greater admits later and retracts less
 * @param prefixCache whether computed prefixes are kept and shared
 * @param randomSeed of {@link Policy#RANDOM}
 * @param leastPromptRows of a prompt that a step computes, where the prompt has as many. A device may compute a single row
 *     by another kernel, with sums in another order: with 2, the bits of an answer do not depend on how much of its
 *     prompt was cached, or where it was cut
 * @param sharing of a step between prompts and decoding sequences
 */
public record Strategy(
        Policy policy,
        double conservativeness,
        boolean prefixCache,
        StepShape shape,
        long randomSeed,
        int leastPromptRows,
        Sharing sharing) {

    /** Where one row is computed as several are, with steps as long as allowed. */
    public Strategy(Policy policy, double conservativeness, boolean prefixCache, StepShape shape, long randomSeed) {
        this(policy, conservativeness, prefixCache, shape, randomSeed, 1, Sharing.LONGEST_STEPS);
    }

    /** First come, first served, mixed steps, with the prefix cache. */
    public static Strategy standard() {
        return new Strategy(Policy.FCFS, 1.0, true, StepShape.MIXED, 0);
    }

    public Strategy withPolicy(Policy other) {
        return new Strategy(other, conservativeness, prefixCache, shape, randomSeed, leastPromptRows, sharing);
    }

    public Strategy withLeastPromptRows(int other) {
        return new Strategy(policy, conservativeness, prefixCache, shape, randomSeed, other, sharing);
    }

    public Strategy withSharing(Sharing other) {
        return new Strategy(policy, conservativeness, prefixCache, shape, randomSeed, leastPromptRows, other);
    }

    public Strategy withoutPrefixCache() {
        return new Strategy(policy, conservativeness, false, shape, randomSeed, leastPromptRows, sharing);
    }
}
