package espalier.model;

import espalier.tensor.BlockFormat;
import org.jspecify.annotations.Nullable;

/**
 * What plain weights are turned into while they are loaded. Weights that are stored in blocks already, norms and biases stay
 * as they are. Where a matrix is too narrow for a format's groups it takes the next one that fits.
 */
public enum Quantization {
    /** They stay as stored. */
    NONE(null, null),
    /** 8 bits, in the format that measured best. */
    INT8(BlockFormat.Q8_0, BlockFormat.Q8_0),
    /** 4 bits, likewise; the head and the table of embeddings, to which a model is touchier, take 8. */
    INT4(BlockFormat.Q4_1, BlockFormat.Q8_0),
    INT8_ROW(BlockFormat.INT8_ROW, BlockFormat.INT8_ROW),
    INT8_GROUP32(BlockFormat.Q8_0, BlockFormat.Q8_0),
    INT8_GROUP64(BlockFormat.INT8_GROUP64, BlockFormat.INT8_GROUP64),
    INT4_GROUP32(BlockFormat.Q4_0, BlockFormat.Q8_0),
    INT4_GROUP64(BlockFormat.INT4_GROUP64, BlockFormat.Q8_0),
    INT4_GROUP32_MIN(BlockFormat.Q4_1, BlockFormat.Q8_0),
    INT4_GROUP64_MIN(BlockFormat.INT4_GROUP64_MIN, BlockFormat.Q8_0);

    private final @Nullable BlockFormat layers;
    private final @Nullable BlockFormat vocabulary;

    Quantization(@Nullable BlockFormat layers, @Nullable BlockFormat vocabulary) {
        this.layers = layers;
        this.vocabulary = vocabulary;
    }

    /** The format of a layer's matrix that is {@code in} wide; null leaves it as it is stored. */
    @Nullable
    BlockFormat ofLayer(int in) {
        return fitting(layers, in);
    }

    /** Likewise of a matrix with a row for each token: the head, the table of embeddings. */
    @Nullable
    BlockFormat ofVocabulary(int in) {
        return fitting(vocabulary, in);
    }

    private static @Nullable BlockFormat fitting(@Nullable BlockFormat format, int in) {
        if (format == null || in % format.blockElements() == 0) {
            return format;
        }
        if (in % 32 != 0) {
            return BlockFormat.INT8_ROW;
        }
        return switch (format) {
            case INT4_GROUP64 -> BlockFormat.Q4_0;
            case INT4_GROUP64_MIN -> BlockFormat.Q4_1;
            case INT8_GROUP64 -> BlockFormat.Q8_0;
            case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, INT8_ROW -> format;
        };
    }
}
