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

    /** Of the products that stand for those of a long prompt. */
    static final int PROMPT_ROWS = 4096;

    /** Measured through torch on the card that the bars were set on (2026-11-24). */
    static final GpuFloors OF_THE_BARS = new GpuFloors(4283, ofPrompts(176, 299, 1423, 646));

    /** By the projections of a layer, in the order of {@link GpuCard#SHAPES}. */
    private static Map<String, Double> ofPrompts(double... micros) {
        var all = new HashMap<String, Double>();
        for (int i = 0; i < micros.length; i++) {
            all.put(GpuCard.product(GpuCard.SHAPES[i], PROMPT_ROWS), micros[i]);
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

    /** A long prompt: the products of its layers, measured at {@link #PROMPT_ROWS}. */
    double prompt(double tokens) {
        double layer =
                OF_THE_BARS.micros.keySet().stream().mapToDouble(micros::get).sum();
        return tokens / PROMPT_ROWS * LAYERS * layer;
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
