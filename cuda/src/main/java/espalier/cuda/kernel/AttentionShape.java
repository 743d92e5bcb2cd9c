package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.tensor.DType;
import java.util.Map;
import java.util.TreeMap;

/**
 * What attention kernels are compiled for: one rank's heads.
 *
 * @param heads query heads
 * @param kvHeads a divisor of {@code heads}
 * @param headDim a multiple of 16 up to 256
 * @param dtype of queries, keys, values and outputs: BF16 or F16
 * @param softcap scores become {@code softcap * tanh(score / softcap)} (Gemma 2); 0 leaves them as they are
 */
public record AttentionShape(int heads, int kvHeads, int headDim, DType dtype, float softcap) {

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

    public AttentionShape(int heads, int kvHeads, int headDim, DType dtype) {
        this(heads, kvHeads, headDim, dtype, 0);
    }

    /** Macros that all kernels of the shape are compiled with. */
    Map<String, Object> defines() {
        var defines = new TreeMap<String, Object>();
        defines.put("HEAD_DIM", headDim);
        defines.put("GROUP", group());
        if (dtype == DType.F16) {
            defines.put("FP16", 1);
        }
        if (softcap > 0) {
            defines.put("SOFTCAP", 1);
        }
        return defines;
    }

    /** The two factors {@code scale_log2, cap_in} with which kernels turn a product into a score in powers of two. */
    Arguments factors(Arguments to, float scale) {
        double outer = softcap > 0 ? softcap : scale;
        return to.float32((float) (outer / Math.log(2))).float32(softcap > 0 ? scale / softcap : 0);
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
