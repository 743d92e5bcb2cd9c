package espalier.api;

/**
 * What the engine is doing now, and has done since its start.
 *
 * @param waitingTokens of the prompts that wait
 * @param usedTokens slots held by running sequences
 * @param cachedTokens slots whose content may be reused but is held by nobody
 * @param generationThroughput tokens a second over the last decode interval
 * @param promptTokens read since the start, cached ones included
 * @param cachedPromptTokens of these, found in the prefix cache
 * @param completedSteps steps whose results have come back from the device: an engine with work that lives makes them
 */
public record EngineLoad(
        int runningRequests,
        int waitingRequests,
        long waitingTokens,
        int usedTokens,
        int cachedTokens,
        double generationThroughput,
        long promptTokens,
        long cachedPromptTokens,
        long generatedTokens,
        long finishedRequests,
        long abortedRequests,
        long retractions,
        long completedSteps) {}
