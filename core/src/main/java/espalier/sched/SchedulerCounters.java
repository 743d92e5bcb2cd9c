package espalier.sched;

/**
 * What the scheduler holds now, and has done since its start.
 *
 * @param waitingTokens of the prompts that wait
 * @param usedTokens slots held by running sequences
 * @param cachedTokens slots of prefixes that may be reused and are held by nobody
 * @param promptTokens of all requests admitted, cached ones included
 * @param cachedPromptTokens of these, found in the cache
 */
public record SchedulerCounters(
        int runningRequests,
        int waitingRequests,
        long waitingTokens,
        int usedTokens,
        int cachedTokens,
        long promptTokens,
        long cachedPromptTokens,
        long generatedTokens,
        long finishedRequests,
        long abortedRequests,
        long retractions) {}
