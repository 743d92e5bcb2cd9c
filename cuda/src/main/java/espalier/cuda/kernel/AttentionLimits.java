package espalier.cuda.kernel;

/**
 * The most that one step may hold; workspaces are sized by it.
 *
 * @param contextTokens positions of all sequences of a step together; a prefix that several share counts for each. A
 *     step beyond it must be cut into several.
 * @param window the widest of any layer, 0 where every layer sees all of the past
 */
public record AttentionLimits(int sequences, int tokens, long contextTokens, int window) {
    public AttentionLimits {
        if (sequences < 1 || tokens < sequences || contextTokens < sequences || window < 0) {
            throw new IllegalArgumentException(
                    "limits of " + sequences + " sequences, " + tokens + " tokens, " + contextTokens + " positions");
        }
    }
}
