package espalier.sched;

/**
 * How the scheduler chooses, within its {@link Limits}.
 *
 * @param conservativeness scales how much of their possible output running sequences are expected to use
 *     ({@code --schedule-conservativeness}); greater admits later and retracts less
 * @param prefixCache whether computed prefixes are kept and shared
 * @param randomSeed of {@link Policy#RANDOM}
 */
public record Strategy(Policy policy, double conservativeness, boolean prefixCache, StepShape shape, long randomSeed) {

    /** First come, first served, mixed steps, with the prefix cache. */
    public static Strategy standard() {
        return new Strategy(Policy.FCFS, 1.0, true, StepShape.MIXED, 0);
    }

    public Strategy withPolicy(Policy other) {
        return new Strategy(other, conservativeness, prefixCache, shape, randomSeed);
    }

    public Strategy withoutPrefixCache() {
        return new Strategy(policy, conservativeness, false, shape, randomSeed);
    }
}
