package espalier.tensor;

/** A run of device memory. Owned by whoever opened it (weights, KV cache, workspace); never by a {@link Tensor}. */
public interface Buffer {
    long bytes();
}
