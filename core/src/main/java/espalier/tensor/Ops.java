package espalier.tensor;

/**
 * The device's arithmetic. Every call writes into memory that it is given, returns nothing and allocates nothing, so a
 * sequence of calls may run at once (CPU), be queued on a stream, or be recorded once and replayed.
 *
 * <p>Activations are of one type, {@link #activations}, logits F32; weights are F32, BF16 or F16. For every op the order in
 * which the numbers of one row are added depends on shapes and formats alone, never on the number of rows, the
 * neighbours or the threads: the result of a row is the same bit for bit in every batch.
 *
 * <p>{@link OpShapes} states which shapes and types each op takes. Outputs overlap inputs only where an op says so.
 */
public interface Ops {

    /** What activations are stored as: F32, BF16 or F16. */
    default DType activations() {
        return DType.F32;
    }

    /**
     * Replaces each negative id {@code -1 - seat} by {@code lastTokens[0, seat]}; I32, in place. A step begins with it: what the
     * step's ops read of its arrays and page table was written before.
     */
    void resolveIds(Tensor ids, Tensor lastTokens);

    /** {@code out[i] = table[ids[i] - firstId]}; rows outside the table become zero (another rank holds them). */
    void embed(Tensor ids, Matrix table, int firstId, Tensor out);

    /** {@code out = x / sqrt(mean(x^2) + eps) * weight}, row by row (Zhang and Sennrich, 2019); {@code out} may be {@code x}. */
    void rmsNorm(Tensor x, Tensor weight, float eps, Tensor out);

    /** {@code x += delta}. */
    void add(Tensor x, Tensor delta);

    /** {@code x[i] += bias} for every row; bias is [1, cols]. */
    void addBias(Tensor x, Tensor bias);

    /** {@code out = x * w^T}, whatever format {@code w} is stored in. */
    void matmul(Tensor x, Matrix w, Tensor out);

    /**
     * {@code sum += x * w^T}: both ops as one, for devices that need not store what lies between.
     *
     * @param between [rows of x, w's rows]: scratch memory
     */
    default void addMatmul(Tensor x, Matrix w, Tensor between, Tensor sum) {
        matmul(x, w, between);
        add(sum, between);
    }

    /** {@code out = silu(gate) * up} where {@code gateUp = [gate | up]}. */
    void siluMul(Tensor gateUp, Tensor out);

    /**
     * {@code out = silu(gate) * up} where {@code [gate | up] = x * gateUp^T}: both ops as one, for devices that need not
     * store what lies between.
     *
     * @param between [rows of x, gateUp's rows]: scratch memory
     */
    default void gatedMatmul(Tensor x, Matrix gateUp, Tensor between, Tensor out) {
        matmul(x, gateUp, between);
        siluMul(between, out);
    }

    /** Rotates each head of {@code x} by its token's position, in place. */
    void rope(Tensor x, int headDim, Tensor positions, Rope rope);

    /** Per-head RMS normalisation (Qwen 3): each head of {@code x}, in place; weight is [1, headDim]. */
    void headNorm(Tensor x, int headDim, Tensor weight, float eps);

    /** Writes this step's keys and values to their cache slots, then attends each token to its own past. */
    void attention(Attend call);

    /** {@link #rope} of the call's queries and keys, then {@link #attention}. What queries and keys hold afterwards is open. */
    default void rotaryAttention(Attend call, Rope rope) {
        rope(call.q(), call.headDim(), call.in().positions(), rope);
        rope(call.k(), call.headDim(), call.in().positions(), rope);
        attention(call);
    }

    /** {@code table[at[i]] = values[i]}, {@code table} being one run of numbers without gaps; all I32, places differ. */
    void scatter(Tensor values, Tensor at, Tensor table);

    /** {@code out[i] = x[indices[0, i]]}. */
    void gatherRows(Tensor x, Tensor indices, Tensor out);

    /** Between number formats it converts, rounding to nearest even. */
    void copy(Tensor from, Tensor to);

    /**
     * Rotary embedding, NeoX style: element {@code j} of a head pairs with {@code j + rotaryDim / 2}. The angle at
     * position {@code p} is {@code p * frequency[j]}, rounded to F32 as the models were trained; cosine and sine are
     * multiplied by {@code attentionFactor} (yarn). Elements from {@code rotaryDim} on stay as they are.
     *
     * @param frequencies [1, rotaryDim / 2] F32 on the device, scaling already applied
     */
    record Rope(Tensor frequencies, int rotaryDim, float attentionFactor) {}

    /**
     * One attention call.
     *
     * @param q [tokens, heads * headDim]
     * @param k [tokens, kvHeads * headDim]; v alike
     * @param out [tokens, heads * headDim]
     * @param scale multiplies the scores
     * @param window how many positions a token sees, itself included; 0 sees all of its past
     */
    record Attend(
            int layer,
            Tensor q,
            Tensor k,
            Tensor v,
            Tensor out,
            int headDim,
            float scale,
            int window,
            StepInputs in,
            KvCache kv) {}

    /** What attention is compiled and sized for: what calls of one kind of layer have in common. */
    record Attending(int heads, int kvHeads, int headDim, int window) {
        public static Attending of(Attend call) {
            int headDim = call.headDim();
            return new Attending(call.q().cols() / headDim, call.k().cols() / headDim, headDim, call.window());
        }
    }
}
