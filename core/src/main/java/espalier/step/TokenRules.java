package espalier.step;

/** One sequence's constraint (a grammar, say), as the scheduler sees it. */
public interface TokenRules {
    /** The bits of the ids allowed next, as {@link SamplingBatch.Row#mask} wants them. */
    long[] mask();

    void accept(int token);
}
