package espalier.cuda.kernel;

import espalier.tensor.DType;

/**
 * What attention kernels are compiled for: one rank's heads.
 *
 * @param heads query heads
 * @param kvHeads a divisor of {@code heads}
 * @param headDim a multiple of 16 up to 256
 * @param dtype of queries, keys, values and outputs: BF16 or F16
 */
public record AttentionShape(int heads, int kvHeads, int headDim, DType dtype) {

    public AttentionShape {
        if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0) {
            throw new IllegalArgumentException(heads + " query heads over " + kvHeads + " key/value heads");
        }
        if (headDim < 16 || headDim > 256 || headDim % 16 != 0) {
            throw new IllegalArgumentException(
                    "head dimension " + headDim + "; a multiple of 16 up to 256 is wanted on a CUDA device");
        }
        if (dtype != DType.BF16 && dtype != DType.F16) {
            throw new IllegalArgumentException("attention in " + dtype + "; BF16 or F16 is wanted on a CUDA device");
        }
    }

    /** Query heads that share a key/value head. */
    public int group() {
        return heads / kvHeads;
    }

    /** Bytes of one token's keys (or values) in the cache of one layer. */
    public long slotBytes() {
        return 2L * kvHeads * headDim;
    }
}
