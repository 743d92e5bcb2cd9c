package espalier.cuda.kernel;

/**
 * One layer's attention, all in the type of {@link AttentionShape}.
 *
 * @param q [tokens][heads][headDim]; k and v [tokens][kvHeads][headDim] are this step's, rotated, and are in the cache too
 * @param out [tokens][heads][headDim], rows without gaps
 * @param scale multiplies the scores
 * @param window how many positions a token sees, itself included; 0 sees all of its past
 */
public record AttentionCall(Rows q, Rows k, Rows v, long out, PagedLayer cache, float scale, int window) {

    public AttentionCall {
        if (k.stride != v.stride) {
            throw new IllegalArgumentException("rows of keys lie " + k.stride + " numbers apart, those of values "
                    + v.stride + "; kernels of a CUDA device take one distance for both");
        }
    }

    /** Rows in device memory, {@code stride} elements apart. */
    public record Rows(long address, int stride) {}

    /**
     * One layer of the cache: keys and values, each [slots][kvHeads][headDim].
     *
     * @param k device address; {@code v} alike, both aligned to 128 bytes
     */
    public record PagedLayer(long k, long v, int slots) {}
}
