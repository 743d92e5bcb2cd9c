package espalier.cuda.kernel;

/** What a product does with its sums before they are stored. */
public enum Epilogue {
    /** {@code y = x w^T}. */
    STORE,
    /** {@code y += x w^T}. */
    ADD,
    /** {@code y = silu(x gate^T) * (x up^T)}, {@code w} being the rows of gate, then those of up. */
    SILU_MUL
}
