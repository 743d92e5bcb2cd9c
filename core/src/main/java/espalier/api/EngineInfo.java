package espalier.api;

import java.util.Set;

/**
 * Facts that hold as long as the engine runs.
 *
 * @param contextLength most tokens of prompt and answer together
 * @param eosTokenIds ids that end an answer unless {@code ignoreEos}
 * @param maxTotalTokens slots of the KV cache
 * @param maxRunningRequests sequences that may run at once
 */
public record EngineInfo(
        String device,
        int vocabSize,
        int contextLength,
        Set<Integer> eosTokenIds,
        int pageSize,
        int maxTotalTokens,
        int maxRunningRequests) {

    public EngineInfo {
        eosTokenIds = Set.copyOf(eosTokenIds);
    }
}
