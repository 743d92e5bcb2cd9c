package espalier.tensor;

/** Device-side key/value storage of one rank. Slots are numbered by the page pool; only the device knows the layout. */
public interface KvCache {

    Shape shape();

    /**
     * What is stored.
     *
     * @param slots tokens that fit
     * @param kvHeads of this rank
     * @param dtype F32, BF16 or F16
     */
    record Shape(int layers, int slots, int kvHeads, int headDim, DType dtype) {
        public long bytes() {
            return 2L * layers * slots * kvHeads * headDim * dtype.bytes();
        }
    }
}
