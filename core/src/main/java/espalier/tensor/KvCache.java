package espalier.tensor;

/** Device-side key/value storage of one rank. Slots are numbered by the page pool; only the device knows the layout. */
public interface KvCache {

    Shape shape();

    /**
     * What is stored.
     *
     * @param slots tokens that fit
     * @param kvHeads of this rank
     */
    record Shape(int layers, int slots, int kvHeads, int headDim, KvType type) {
        /** @param dtype F32, BF16 or F16 */
        public Shape(int layers, int slots, int kvHeads, int headDim, DType dtype) {
            this(layers, slots, kvHeads, headDim, KvType.of(dtype));
        }

        /** Of the numbers that attention computes with. */
        public DType dtype() {
            return type.read();
        }

        public long bytes() {
            return 2L * layers * slots * kvHeads * ((long) headDim * type.bytes() + type.scaleBytes());
        }
    }
}
