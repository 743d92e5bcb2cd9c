package espalier.golden;

import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.SafetensorsCheckpoint;
import espalier.checkpoint.StoredTensor;
import espalier.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Makes a GGUF model of a folder as llama.cpp's converter does it: names, interleaved heads, rope factors. */
public final class GgufConversion {
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("model.embed_tokens", "token_embd"),
            Map.entry("model.norm", "output_norm"),
            Map.entry("lm_head", "output"),
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("post_attention_layernorm", "ffn_norm"),
            Map.entry("self_attn.q_proj", "attn_q"),
            Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"),
            Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("self_attn.q_norm", "attn_q_norm"),
            Map.entry("self_attn.k_norm", "attn_k_norm"),
            Map.entry("mlp.gate_proj", "ffn_gate"),
            Map.entry("mlp.up_proj", "ffn_up"),
            Map.entry("mlp.down_proj", "ffn_down"));

    private final JsonNode config;
    private final String architecture;
    private final GgufWriter writer = new GgufWriter();
    private final Weights weights;

    /** What is done to the matrices. */
    public enum Weights {
        AS_STORED,
        /** Blocks of 32 int8. */
        Q8_0,
        /** What those blocks stand for. */
        F32_OF_Q8_0
    }

    private GgufConversion(JsonNode config, Weights weights) {
        this.config = config;
        this.weights = weights;
        String published = config.path("architectures").path(0).asString();
        architecture = published.startsWith("Qwen2") ? "qwen2" : published.startsWith("Qwen3") ? "qwen3" : "llama";
    }

    public static GgufWriter of(Path folder, Weights weights) {
        var model = ModelFolder.open(folder);
        var made = new GgufConversion(model.config(), weights);
        made.metadata();
        try (SafetensorsCheckpoint checkpoint = model.checkpoint()) {
            for (String name : checkpoint.names()) {
                made.tensor(name, checkpoint);
            }
        }
        return made.writer;
    }

    private int integer(String key, int otherwise) {
        return config.path(key).asInt(otherwise);
    }

    private JsonNode rope(String key) {
        JsonNode inside = config.path("rope_parameters").path(key);
        return inside.isMissingNode() ? config.path("rope_scaling").path(key) : inside;
    }

    private int headDim() {
        return integer("head_dim", integer("hidden_size", 0) / integer("num_attention_heads", 1));
    }

    private void metadata() {
        writer.with("general.architecture", architecture);
        set("block_count", integer("num_hidden_layers", 0));
        set("context_length", integer("max_position_embeddings", 0));
        set("embedding_length", integer("hidden_size", 0));
        set("feed_forward_length", integer("intermediate_size", 0));
        set("attention.head_count", integer("num_attention_heads", 0));
        set("attention.head_count_kv", integer("num_key_value_heads", 0));
        set("attention.key_length", headDim());
        set("attention.value_length", headDim());
        set("rope.dimension_count", headDim());
        set("vocab_size", integer("vocab_size", 0));
        set("attention.layer_norm_rms_epsilon", (float)
                config.path("rms_norm_eps").asDouble());
        JsonNode theta = rope("rope_theta");
        set("rope.freq_base", (float) (theta.isNumber() ? theta : config.path("rope_theta")).asDouble(10_000));
        if (config.path("architectures").path(0).asString().startsWith("Mistral")) {
            set("attention.sliding_window", integer("sliding_window", 0));
        }
        String type = rope("rope_type").asString(rope("type").asString("default"));
        switch (type) {
            case "linear" -> {
                set("rope.scaling.type", "linear");
                set("rope.scaling.factor", (float) rope("factor").asDouble());
            }
            case "yarn" -> {
                set("rope.scaling.type", "yarn");
                set("rope.scaling.factor", (float) rope("factor").asDouble());
                set(
                        "rope.scaling.original_context_length",
                        rope("original_max_position_embeddings").asInt());
            }
            case "llama3" -> ropeFactors((theta.isNumber() ? theta : config.path("rope_theta")).asDouble(10_000));
            default -> {}
        }
    }

    private void set(String leaf, Object value) {
        writer.with(architecture + "." + leaf, value);
    }

    private void ropeFactors(double theta) {
        int half = headDim() / 2;
        double factor = rope("factor").asDouble();
        double low = rope("low_freq_factor").asDouble();
        double high = rope("high_freq_factor").asDouble();
        double original = rope("original_max_position_embeddings").asDouble();
        var factors = new float[half];
        for (int j = 0; j < half; j++) {
            double wavelength = 2 * Math.PI * Math.pow(theta, 2.0 * j / headDim());
            double smooth = (original / wavelength - low) / (high - low);
            factors[j] = (float)
                    (wavelength < original / high
                            ? 1
                            : wavelength > original / low ? factor : 1 / ((1 - smooth) / factor + smooth));
        }
        writer.floats("rope_freqs.weight", new long[] {half}, factors);
    }

    private void tensor(String name, SafetensorsCheckpoint checkpoint) {
        StoredTensor t = checkpoint.tensor(name, shape(name));
        int leaf = name.lastIndexOf('.');
        String path = name.substring(0, leaf);
        String prefix = "";
        if (path.startsWith("model.layers.")) {
            String[] parts = path.split("\\.", 4);
            prefix = "blk." + parts[2] + ".";
            path = parts[3];
        }
        var values = new float[(int) t.size()];
        t.copyTo(0, values);
        if (architecture.equals("llama") && path.matches("self_attn\\.[qk]_proj")) {
            String heads = path.contains("q_proj") ? "num_attention_heads" : "num_key_value_heads";
            values = interleaved(values, integer(heads, 0));
        }
        put(prefix + NAMES.get(path) + name.substring(leaf), t, values);
    }

    /** {@code reshape(heads, 2, half, cols).swapaxes(1, 2)}. */
    private float[] interleaved(float[] from, int heads) {
        int half = headDim() / 2;
        int cols = from.length / heads / half / 2;
        var to = new float[from.length];
        for (int h = 0; h < heads; h++) {
            for (int side = 0; side < 2; side++) {
                for (int j = 0; j < half; j++) {
                    System.arraycopy(
                            from, ((h * 2 + side) * half + j) * cols, to, ((h * half + j) * 2 + side) * cols, cols);
                }
            }
        }
        return to;
    }

    private void put(String name, StoredTensor t, float[] values) {
        boolean matrix = t.shape().length == 2;
        if (matrix && weights != Weights.AS_STORED) {
            byte[] blocks = q80(values);
            if (weights == Weights.Q8_0) {
                writer.tensor(name, 8, t.shape(), blocks);
            } else {
                writer.floats(name, t.shape(), values);
            }
            return;
        }
        if (!matrix || t.dtype() == DType.F32) {
            writer.floats(name, t.shape(), values);
            return;
        }
        var data = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            data.putShort(
                    t.dtype() == DType.F16
                            ? Float.floatToFloat16(value)
                            : (short) (Float.floatToRawIntBits(value) >>> 16));
        }
        writer.tensor(name, t.dtype() == DType.F16 ? 1 : 30, t.shape(), data.array());
    }

    /** The blocks; leaves in {@code values} what they stand for. */
    private static byte[] q80(float[] values) {
        var data = ByteBuffer.allocate(values.length / 32 * 34).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < values.length; at += 32) {
            float most = 0;
            for (int i = at; i < at + 32; i++) {
                most = Math.max(most, Math.abs(values[i]));
            }
            short half = Float.floatToFloat16(most / 127);
            float scale = Float.float16ToFloat(half);
            data.putShort(half);
            for (int i = at; i < at + 32; i++) {
                int q = scale == 0 ? 0 : Math.clamp(Math.round(values[i] / scale), -127, 127);
                data.put((byte) q);
                values[i] = scale * q;
            }
        }
        return data.array();
    }

    private long[] shape(String name) {
        String[] parts = name.split("\\.");
        String kind = parts[parts.length - 2];
        int hidden = integer("hidden_size", 0);
        int rows = switch (kind) {
            case "q_proj" -> integer("num_attention_heads", 0) * headDim();
            case "k_proj", "v_proj" -> integer("num_key_value_heads", 0) * headDim();
            case "gate_proj", "up_proj" -> integer("intermediate_size", 0);
            case "embed_tokens", "lm_head" -> integer("vocab_size", 0);
            case "q_norm", "k_norm" -> headDim();
            default -> hidden;
        };
        if (name.endsWith(".bias") || kind.endsWith("norm")) {
            return new long[] {rows};
        }
        int cols = switch (kind) {
            case "o_proj" -> integer("num_attention_heads", 0) * headDim();
            case "down_proj" -> integer("intermediate_size", 0);
            default -> hidden;
        };
        return new long[] {rows, cols};
    }
}
