package espalier.cuda.kernel;

/**
 * The most that one step may hold; workspaces are sized by it.
 *
 * @param contextTokens positions of all sequences of a step together; a prefix that several share counts for each. A
 *     step beyond it must be cut into several.
 */
public record AttentionLimits(int sequences, int tokens, long contextTokens) {
    public AttentionLimits {
        if (sequences < 1 || tokens < sequences || contextTokens < sequences) {
            throw new IllegalArgumentException(
                    "limits of " + sequences + " sequences, " + tokens + " tokens, " + contextTokens + " positions");
        }
    }
}
