package espalier.model;

import java.util.List;
import java.util.Optional;

/**
 * How the rotary frequencies of a model are stretched beyond the context that it was trained for. Read from the newer
 * {@code rope_parameters} or the older {@code rope_scaling}, whose type is named {@code rope_type} or {@code type}.
 */
public sealed interface RopeScaling {

    /** Frequencies as in Su et al., 2021. */
    record None() implements RopeScaling {}

    /** Positions divided by {@code factor} (Chen et al., 2023). */
    record Linear(double factor) implements RopeScaling {}

    /**
     * A base that grows with the context (NTK-aware). The original recipe changes it as a sequence grows; keys that
     * were cached under one base would then be read under another, so here the context that the engine is started with
     * fixes it. Within {@code originalTokens} nothing is scaled.
     */
    record Dynamic(double factor, int originalTokens) implements RopeScaling {}

    /** Long wavelengths divided by {@code factor}, short ones kept, those between blended (Llama 3.1). */
    record Llama3(double factor, double lowFactor, double highFactor, int originalTokens) implements RopeScaling {}

    /**
     * YaRN (Peng et al., 2023): each frequency lies between its own and its {@code 1 / factor}, by how often it turns
     * within the original context; cosine and sine are multiplied by {@code attentionFactor}.
     *
     * @param truncate whether the ramp begins and ends at whole frequencies
     */
    record Yarn(
            double factor,
            int originalTokens,
            double betaFast,
            double betaSlow,
            boolean truncate,
            double attentionFactor)
            implements RopeScaling {}

    /** Each frequency divided by a factor of its own: what GGUF files hold in place of a recipe. */
    record Factors(List<Float> factors) implements RopeScaling {}

    /** What {@code config} asks for. */
    static RopeScaling of(ModelConfig config) {
        Optional<ModelConfig> found = section(config);
        if (found.isEmpty()) {
            return new None();
        }
        ModelConfig c = found.get();
        String key = c.has("rope_type") || !c.has("type") ? "rope_type" : "type";
        String type = c.text(key, "default");
        return switch (type) {
            case "default" -> new None();
            case "linear" -> new Linear(factor(c));
            case "dynamic" -> new Dynamic(factor(c), config.count("max_position_embeddings"));
            case "llama3" -> llama3(config, c);
            case "yarn" -> yarn(config, c);
            case "factors" -> new Factors(c.numbers("factors"));
            case String other ->
                throw c.fault(
                        key,
                        "is '" + other + "', which is not supported; supported are default, linear, dynamic, llama3"
                                + " and yarn");
        };
    }

    /** The section that describes the rotary embedding, wherever this config keeps it. */
    static Optional<ModelConfig> section(ModelConfig config) {
        return config.section("rope_scaling")
                .filter(scaling -> !scaling.isEmpty())
                .or(() -> config.section("rope_parameters"));
    }

    private static RopeScaling llama3(ModelConfig config, ModelConfig c) {
        double low = c.number("low_freq_factor");
        double high = c.number("high_freq_factor");
        if (high <= low) {
            throw c.fault("high_freq_factor", "is " + high + ", want more than low_freq_factor, " + low);
        }
        return new Llama3(factor(c), low, high, originalTokens(config, c));
    }

    private static RopeScaling yarn(ModelConfig config, ModelConfig c) {
        int original = originalTokens(config, c);
        double factor = c.has("factor") ? factor(c) : (double) config.count("max_position_embeddings") / original;
        return new Yarn(
                factor,
                original,
                orElse(c.number("beta_fast", 0), 32),
                orElse(c.number("beta_slow", 0), 1),
                !c.has("truncate") || c.flag("truncate"),
                attentionFactor(c, factor));
    }

    private static double attentionFactor(ModelConfig c, double factor) {
        if (c.has("attention_factor")) {
            return c.number("attention_factor");
        }
        double mscale = c.number("mscale", 0);
        double mscaleAllDim = c.number("mscale_all_dim", 0);
        return mscale != 0 && mscaleAllDim != 0
                ? temperature(factor, mscale) / temperature(factor, mscaleAllDim)
                : temperature(factor, 1);
    }

    private static double temperature(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /** The trained context: beside the section, in it, or the model's own. */
    private static int originalTokens(ModelConfig config, ModelConfig c) {
        String key = "original_max_position_embeddings";
        return config.has(key) ? config.count(key) : c.count(key, config.count("max_position_embeddings"));
    }

    private static double factor(ModelConfig c) {
        double factor = c.number("factor");
        if (factor < 1) {
            throw c.fault("factor", "is " + factor + ", want at least 1");
        }
        return factor;
    }

    private static double orElse(double value, double fallback) {
        return value == 0 ? fallback : value;
    }
}
