package espalier.cuda.gpu;

import java.util.HashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * The least time that a load can take on a card: its products, its reads of the KV cache; no norms, no sampling, no host.
 * The bars were set on one H200 whose figures are here; on another card a bar scales as the floor does.
 *
 * @param micros of one product each, by {@link GpuCard#product}
 */
record GpuFloors(double copyGigabytes, Map<String, Double> micros) {
    private static final double TOKEN_BYTES = 131_072; // 32 layers x 8 heads x 128 x 2 x bf16
    private static final double WEIGHT_BYTES = 15.01e9; // that a step reads: all but the embedding
    private static final int LAYERS = 32;

    /** Measured through torch on the card that the bars were set on (2026-11-24). */
    static final GpuFloors OF_THE_BARS = new GpuFloors(4283, table(new double[][] {
        {12.4, 12.5, 16.7, 176},
        {16.4, 17.3, 22.8, 299},
        {57.8, 64.8, 105, 1423},
        {33.5, 38.5, 56.1, 646},
        {249, 287, 383, 6330}
    }));

    private static Map<String, Double> table(double[][] rows) {
        var all = new HashMap<String, Double>();
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < rows[i].length; j++) {
                all.put(GpuCard.product(GpuCard.SHAPES[i], GpuCard.ROWS[j]), rows[i][j]);
            }
        }
        return Map.copyOf(all);
    }

    boolean isWhole() {
        return copyGigabytes > 0 && micros.keySet().containsAll(OF_THE_BARS.micros.keySet());
    }

    /** A decoding step: its weights and its cache, at so many tokens of context each, at the rate of copies. */
    double decode(int batch, int context) {
        return (WEIGHT_BYTES + (double) batch * context * TOKEN_BYTES) / copyGigabytes / 1e3;
    }

    /** A long prompt: the products of its layers, measured at 4,096 rows. */
    double prompt(double tokens) {
        double sum = 0;
        for (int i = 0; i < GpuCard.SHAPES.length - 1; i++) {
            sum += LAYERS * micros.getOrDefault(GpuCard.product(GpuCard.SHAPES[i], 4096), Double.NaN);
        }
        return tokens / 4096 * sum;
    }

    double copy() {
        return 1 / copyGigabytes;
    }

    /** How much longer than on the card of the bars; 1 within 3%. */
    double ratio(ToDoubleFunction<GpuFloors> of) {
        double ratio = of.applyAsDouble(this) / of.applyAsDouble(OF_THE_BARS);
        return Math.abs(ratio - 1) <= 0.03 ? 1 : ratio;
    }
}
