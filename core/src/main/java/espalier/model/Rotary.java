package espalier.model;

/**
 * A model's rotary embedding, from its config to the frequencies that a device reads.
 *
 * <p>The arithmetic is single precision, step by step, since that is what models were trained and are checked with: at
 * position 100,000 the last bit of a frequency is worth a hundredth of a radian.
 *
 * @param dim how many elements of a head are rotated
 * @param contextTokens the context in use, which dynamic scaling depends on
 */
public record Rotary(int dim, double theta, RopeScaling scaling, int contextTokens) {

    /** As {@code config} describes it, for heads of {@code headDim}. */
    public static Rotary of(ModelConfig config, int headDim) {
        var section = RopeScaling.section(config);
        double theta = config.number("rope_theta", 10_000);
        double share = config.number("partial_rotary_factor", 1);
        if (section.isPresent()) {
            if (section.get().has("full_attention") || section.get().has("sliding_attention")) {
                throw section.get().fault("full_attention", "differs by kind of layer, which is not supported");
            }
            theta = section.get().number("rope_theta", theta);
            share = section.get().number("partial_rotary_factor", share);
        }
        int dim = (int) (headDim * share);
        if (dim < 2 || dim % 2 != 0 || dim > headDim) {
            throw config.fault("head_dim", "of " + headDim + " cannot be rotated by " + dim + " elements");
        }
        int context = config.contextTokens() > 0 ? config.contextTokens() : config.count("max_position_embeddings");
        return new Rotary(dim, theta, RopeScaling.of(config), context);
    }

    /** How many positions a model with this config was made for. */
    public static int contextTokens(ModelConfig config) {
        int trained = config.count("max_position_embeddings");
        return switch (RopeScaling.of(config)) {
            case RopeScaling.Linear(double factor) -> (int) Math.min(Integer.MAX_VALUE, trained * factor);
            case RopeScaling.None _,
                    RopeScaling.Dynamic _,
                    RopeScaling.Llama3 _,
                    RopeScaling.Yarn _,
                    RopeScaling.Factors _ -> trained;
        };
    }

    /** One angle a position for each pair of elements: {@code dim / 2} of them. */
    public float[] frequencies() {
        return switch (scaling) {
            case RopeScaling.None _ -> plain(theta);
            case RopeScaling.Linear(double factor) -> linear((float) factor);
            case RopeScaling.Dynamic(double factor, int original) -> {
                double stretch = factor * Math.max(contextTokens, original) / original - (factor - 1);
                yield plain(theta * Math.pow(stretch, dim / (dim - 2.0)));
            }
            case RopeScaling.Llama3 s -> llama3(s);
            case RopeScaling.Yarn s -> yarn(s);
            case RopeScaling.Factors s -> divided(s);
        };
    }

    /** What cosine and sine are multiplied by. */
    public float attentionFactor() {
        return scaling instanceof RopeScaling.Yarn yarn ? (float) yarn.attentionFactor() : 1;
    }

    private float[] plain(double base) {
        var f = new float[dim / 2];
        for (int j = 0; j < f.length; j++) {
            f[j] = 1 / power(base, j);
        }
        return f;
    }

    private float power(double base, int j) {
        return (float) Math.pow((float) base, 2f * j / dim);
    }

    private float[] linear(float factor) {
        float[] f = plain(theta);
        for (int j = 0; j < f.length; j++) {
            f[j] /= factor;
        }
        return f;
    }

    private float[] divided(RopeScaling.Factors s) {
        float[] f = plain(theta);
        for (int j = 0; j < f.length; j++) {
            f[j] /= s.factors().get(j);
        }
        return f;
    }

    private float[] llama3(RopeScaling.Llama3 s) {
        float[] f = plain(theta);
        float factor = (float) s.factor();
        float low = (float) s.lowFactor();
        float high = (float) s.highFactor();
        float original = s.originalTokens();
        for (int j = 0; j < f.length; j++) {
            float wavelength = (float) (2 * Math.PI) / f[j];
            if (wavelength > original / low) {
                f[j] /= factor;
            } else if (wavelength >= original / high) {
                float smooth = (original / wavelength - low) / (high - low);
                f[j] = (1 - smooth) * f[j] / factor + smooth * f[j];
            }
        }
        return f;
    }

    private float[] yarn(RopeScaling.Yarn s) {
        double from = turning(s.betaFast(), s.originalTokens());
        double to = turning(s.betaSlow(), s.originalTokens());
        if (s.truncate()) {
            from = Math.floor(from);
            to = Math.ceil(to);
        }
        from = Math.max(from, 0);
        to = Math.min(to, dim - 1);
        float span = (float) (from == to ? 0.001 : to - from);
        var f = new float[dim / 2];
        for (int j = 0; j < f.length; j++) {
            float kept = 1 - Math.clamp((j - (float) from) / span, 0f, 1f);
            float power = power(theta, j);
            f[j] = 1 / ((float) s.factor() * power) * (1 - kept) + 1 / power * kept;
        }
        return f;
    }

    /** Which frequency turns {@code turns} times within {@code tokens} positions. */
    private double turning(double turns, int tokens) {
        return dim * Math.log(tokens / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    }
}
