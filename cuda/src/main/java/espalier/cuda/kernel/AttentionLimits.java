package espalier.cuda.kernel;

/**
 * The most that one step may hold; workspaces are sized by it.
 *
 * @param contextTokens positions of all sequences of a step together; a prefix that several share counts for each. A
 *     step beyond it must be cut into several.
 * @param window the widest of any layer, 0 where every layer sees all of the past
 * @param leastSharing no group that shares a prefix has fewer sequences; 0 where no prefix is read for several
 */
public record AttentionLimits(int sequences, int tokens, long contextTokens, int window, int leastSharing) {

    /** Of steps in which each sequence is read by itself. */
    public AttentionLimits(int sequences, int tokens, long contextTokens, int window) {
        this(sequences, tokens, contextTokens, window, 0);
    }

    public AttentionLimits {
        if (sequences < 1 || tokens < sequences || contextTokens < sequences || window < 0 || leastSharing < 0) {
            throw new IllegalArgumentException(
                    "limits of " + sequences + " sequences, " + tokens + " tokens, " + contextTokens + " positions");
        }
    }
}
