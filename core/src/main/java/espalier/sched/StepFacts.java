package espalier.sched;

/**
 * What is worth telling about one plan.
 *
 * @param step the plan's number
 * @param newSequences admitted by it
 * @param promptTokens computed by it
 * @param cachedTokens found in the cache for the sequences it admitted
 * @param decodes sequences that it gives their next token
 * @param usedTokens slots held by running sequences
 * @param totalTokens slots in all
 * @param pendingTokens of prompts that are still to be computed
 * @param retraction what had to make room for it
 */
public record StepFacts(
        long step,
        int newSequences,
        int promptTokens,
        int cachedTokens,
        int decodes,
        int runningRequests,
        int waitingRequests,
        int usedTokens,
        int totalTokens,
        long pendingTokens,
        Retraction retraction) {

    /**
     * Sequences that lost their pages and wait again.
     *
     * @param gainedTokens slots that this freed
     * @param ratioBefore share of the possible output that was expected of running sequences
     * @param ratioAfter the share from now on
     */
    public record Retraction(int sequences, int gainedTokens, double ratioBefore, double ratioAfter) {
        static final Retraction NONE = new Retraction(0, 0, 0, 0);
    }

    /** Share of the KV cache that running sequences hold, 0 to 1. */
    public double tokenUsage() {
        return (double) usedTokens / totalTokens;
    }
}
