package espalier.checkpoint.gguf;

import espalier.base.Nearest;
import espalier.checkpoint.StoredTensor;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A {@code config.json} made of metadata, so that one reader serves both. What the metadata leaves to its tensors (biases,
 * a tied head, the rows of the vocabulary, rope factors) is taken from them.
 */
final class GgufConfig {
    private static final List<String> ARCHITECTURES = List.of("llama", "qwen2", "qwen3");

    /** What the fields are called here, behind the architecture; those that are made of several keys are left out. */
    private static final Map<String, String> KEYS = Map.of(
            "hidden_size", "embedding_length",
            "intermediate_size", "feed_forward_length",
            "num_hidden_layers", "block_count",
            "num_attention_heads", "attention.head_count",
            "num_key_value_heads", "attention.head_count_kv",
            "head_dim", "attention.key_length",
            "max_position_embeddings", "context_length",
            "rms_norm_eps", "attention.layer_norm_rms_epsilon",
            "rope_theta", "rope.freq_base",
            "sliding_window", "attention.sliding_window");

    private final GgufMetadata metadata;
    private final Map<String, StoredTensor> tensors;
    private final String architecture;

    private GgufConfig(GgufMetadata metadata, Map<String, StoredTensor> tensors) {
        this.metadata = metadata;
        this.tensors = tensors;
        architecture = architecture(metadata);
    }

    static ObjectNode of(GgufMetadata metadata, Map<String, StoredTensor> tensors) {
        return new GgufConfig(metadata, tensors).config();
    }

    /** Where a field of {@link #of} comes from. */
    static String place(GgufMetadata metadata, String field) {
        String architecture = metadata.text("general.architecture", "");
        String key = KEYS.getOrDefault(field, field.replaceFirst("^rope_scaling\\.", "rope.scaling."));
        String full = architecture + "." + key;
        if (field.equals("head_dim") && !metadata.has(full)) {
            full = architecture + ".embedding_length' / '" + architecture + ".attention.head_count";
        }
        return metadata.file() + ": metadata '" + full + "'";
    }

    static String architecture(GgufMetadata metadata) {
        String name = metadata.text("general.architecture");
        if (!ARCHITECTURES.contains(name)) {
            throw metadata.fault(
                    "general.architecture",
                    "is '" + name + "', which is not supported" + Nearest.hint(name, ARCHITECTURES) + "; supported are "
                            + String.join(", ", ARCHITECTURES));
        }
        return name;
    }

    private ObjectNode config() {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        int hidden = count("embedding_length");
        int heads = count("attention.head_count");
        int headDim = metadata.count(key("attention.key_length"), Math.max(1, hidden / heads));
        int window = metadata.count(key("attention.sliding_window"), 0);
        config.putArray("architectures").add(published(window));
        config.put("model_type", architecture);
        config.put("hidden_act", "silu");
        config.put("hidden_size", hidden);
        config.put("intermediate_size", count("feed_forward_length"));
        config.put("num_hidden_layers", count("block_count"));
        config.put("num_attention_heads", heads);
        config.put("num_key_value_heads", metadata.count(key("attention.head_count_kv"), heads));
        config.put("head_dim", headDim);
        config.put("max_position_embeddings", count("context_length"));
        config.put("rms_norm_eps", metadata.number(key("attention.layer_norm_rms_epsilon")));
        config.put("rope_theta", metadata.number(key("rope.freq_base"), 10_000));
        config.put("vocab_size", vocabulary());
        config.put("tie_word_embeddings", !tensors.containsKey("output.weight"));
        config.put("attention_bias", !architecture.equals("qwen2") && tensors.containsKey("blk.0.attn_q.bias"));
        config.put("mlp_bias", tensors.containsKey("blk.0.ffn_gate.bias"));
        if (window > 0) {
            config.put("sliding_window", window);
        }
        for (String id : List.of("bos", "eos")) {
            int value = metadata.id("tokenizer.ggml." + id + "_token_id");
            if (value >= 0) {
                config.put(id + "_token_id", value);
            }
        }
        requireWholeHeads(headDim);
        scaling(config, headDim);
        return config;
    }

    private String published(int window) {
        return switch (architecture) {
            case "qwen2" -> "Qwen2ForCausalLM";
            case "qwen3" -> "Qwen3ForCausalLM";
            default -> window > 0 ? "MistralForCausalLM" : "LlamaForCausalLM";
        };
    }

    private void requireWholeHeads(int headDim) {
        if (metadata.count(key("attention.value_length"), headDim) != headDim) {
            throw metadata.fault(key("attention.value_length"), "differs from key_length, which is not supported");
        }
        if (metadata.count(key("rope.dimension_count"), headDim) != headDim) {
            throw metadata.fault(
                    key("rope.dimension_count"),
                    "is " + metadata.count(key("rope.dimension_count")) + " for heads of " + headDim
                            + "; heads that are rotated in part are not supported");
        }
    }

    /** Rows of the table, which metadata and tokenizer must agree with. */
    private int vocabulary() {
        StoredTensor table = tensors.get("token_embd.weight");
        if (table == null || table.shape().length != 2) {
            throw GgufFile.fault(metadata.file() + ": no tensor 'token_embd.weight' with rows; not a whole model"
                    + " (a file of shards is opened by the name of its first)");
        }
        long rows = table.shape()[0];
        long stated = metadata.count(key("vocab_size"), (int) rows);
        long tokens = metadata.has("tokenizer.ggml.tokens")
                ? metadata.texts("tokenizer.ggml.tokens").size()
                : rows;
        if (stated != rows || tokens > rows) {
            throw GgufFile.fault(metadata.file() + ": tensor 'token_embd.weight' has " + rows
                    + " rows, but the metadata says vocab_size " + stated + " and lists " + tokens
                    + " tokens; the file is corrupt");
        }
        return (int) rows;
    }

    private void scaling(ObjectNode config, int headDim) {
        StoredTensor factors = tensors.get("rope_freqs.weight");
        if (factors != null) {
            if (factors.shape().length != 1 || factors.shape()[0] != headDim / 2) {
                throw GgufFile.fault(metadata.file() + ": tensor 'rope_freqs.weight' has shape "
                        + java.util.Arrays.toString(factors.shape()) + ", want one factor for each of " + headDim / 2
                        + " frequencies");
            }
            var values = new float[headDim / 2];
            factors.copyTo(0, values);
            ObjectNode scaling = config.putObject("rope_scaling").put("rope_type", "factors");
            ArrayNode list = scaling.putArray("factors");
            for (float value : values) {
                list.add(value);
            }
            return;
        }
        String type =
                metadata.text(key("rope.scaling.type"), metadata.has(key("rope.scale_linear")) ? "linear" : "none");
        switch (type) {
            case "none" -> {}
            case "linear" ->
                config.putObject("rope_scaling")
                        .put("rope_type", "linear")
                        .put(
                                "factor",
                                metadata.number(
                                        key("rope.scaling.factor"), metadata.number(key("rope.scale_linear"), 1)));
            case "yarn" -> yarn(config.putObject("rope_scaling"));
            default ->
                throw metadata.fault(
                        key("rope.scaling.type"),
                        "is '" + type + "', which is not supported; supported are none, linear and yarn");
        }
    }

    private void yarn(ObjectNode scaling) {
        scaling.put("rope_type", "yarn").put("factor", metadata.number(key("rope.scaling.factor")));
        if (metadata.has(key("rope.scaling.original_context_length"))) {
            scaling.put("original_max_position_embeddings", count("rope.scaling.original_context_length"));
        }
        if (metadata.has(key("rope.scaling.yarn_beta_fast"))) {
            scaling.put("beta_fast", metadata.number(key("rope.scaling.yarn_beta_fast")));
        }
        if (metadata.has(key("rope.scaling.yarn_beta_slow"))) {
            scaling.put("beta_slow", metadata.number(key("rope.scaling.yarn_beta_slow")));
        }
    }

    private int count(String leaf) {
        return metadata.count(key(leaf));
    }

    private String key(String leaf) {
        return architecture + "." + leaf;
    }
}
