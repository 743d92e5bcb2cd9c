package espalier.tensor;

/** Sums and joins across the ranks of one tensor-parallel group, on the device's stream. */
public interface Collective {
    int rank();

    int ranks();

    /** {@code x = sum over ranks of x}, added in rank order, so that every rank holds the same bits. */
    void allReduce(Tensor x);

    /** {@code out = [x of rank 0 | x of rank 1 | ...]} column-wise. */
    void allGather(Tensor x, Tensor out);
}
