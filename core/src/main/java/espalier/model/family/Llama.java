package espalier.model.family;

import static espalier.model.Weights.Bias.NONE;
import static espalier.model.Weights.Bias.STORED;

import espalier.model.Attention;
import espalier.model.Dim;
import espalier.model.GatedMlp;
import espalier.model.Layer;
import espalier.model.ModelConfig;
import espalier.model.ModelDefinition;
import espalier.model.ModelShape;
import espalier.model.Norm;
import espalier.model.Pass;
import espalier.model.Residual;
import espalier.model.Rotary;
import espalier.model.Weights;
import espalier.model.Weights.Bias;
import espalier.model.Weights.Part;
import java.util.List;
import java.util.Set;

/** Llama 2 and 3, Mistral, Qwen 2 and 2.5 (QKV bias), Qwen 3 (per-head norms): one block, four kinds of checkpoint. */
final class Llama implements ModelDefinition {

    @Override
    public Set<String> architectures() {
        return Set.of("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM");
    }

    @Override
    public ModelShape shape(ModelConfig config) {
        var c = Config.of(config);
        c.check();
        return new ModelShape(
                c.layers, c.hidden, c.vocab, c.kvHeads, Rotary.contextTokens(config), (float) c.eps, c.tied);
    }

    @Override
    public Layer layer(int index, ModelConfig config, Weights w) {
        var c = Config.of(config);
        Weights attn = w.at("self_attn");
        Weights mlp = w.at("mlp");
        boolean headNorms = c.kind == Kind.QWEN3;
        Dim head = Dim.whole("head elements", c.headDim);
        var attention = new Attention(
                index,
                c.headDim,
                w.local(c.heads),
                w.local(c.kvHeads),
                attn.fused(
                        c.hidden,
                        c.qkvBias,
                        part("q_proj", c.heads),
                        part("k_proj", c.kvHeads),
                        part("v_proj", c.kvHeads)),
                attn.at("o_proj").linear(c.heads, c.hidden, c.outBias),
                headNorms ? attn.at("q_norm").norm(head, c.eps) : null,
                headNorms ? attn.at("k_norm").norm(head, c.eps) : null,
                w.rope(Rotary.of(config, c.headDim)),
                c.window(index));
        var gated = new GatedMlp(
                mlp.fused(c.hidden, c.mlpBias, part("gate_proj", c.ffn), part("up_proj", c.ffn)),
                mlp.at("down_proj").linear(c.ffn, c.hidden, c.mlpBias));
        return new Block(
                w.at("input_layernorm").norm(c.hidden, c.eps),
                attention,
                w.at("post_attention_layernorm").norm(c.hidden, c.eps),
                gated);
    }

    private static Part part(String name, Dim out) {
        return new Part(name, out);
    }

    private record Block(Norm before, Attention attention, Norm between, GatedMlp mlp) implements Layer {
        @Override
        public void forward(Pass p, Residual r) {
            r.add(p, before, attention);
            r.add(p, between, mlp);
        }
    }

    /** What tells the four apart where the config leaves something out. */
    private enum Kind {
        LLAMA,
        MISTRAL,
        QWEN2,
        QWEN3
    }

    /** The fields of config.json that this family reads, with the defaults that transformers gives them. */
    private record Config(
            ModelConfig from,
            Kind kind,
            int layers,
            int headDim,
            double eps,
            boolean tied,
            Dim hidden,
            Dim heads,
            Dim kvHeads,
            Dim ffn,
            Dim vocab,
            Bias qkvBias,
            Bias outBias,
            Bias mlpBias) {

        static Config of(ModelConfig c) {
            Kind kind = kind(c);
            String act = c.text("hidden_act", "silu");
            if (!act.equals("silu")) {
                throw c.fault("hidden_act", "is '" + act + "', which this family does not support; silu is");
            }
            int hidden = c.count("hidden_size");
            int heads = c.count("num_attention_heads");
            int kv = c.count("num_key_value_heads", heads);
            if (heads % kv != 0) {
                throw c.fault("num_key_value_heads", "is " + kv + ", which does not divide " + heads + " heads");
            }
            int headDim = c.count("head_dim", kind == Kind.QWEN3 ? 128 : Math.max(1, hidden / heads));
            boolean bias = c.flag("attention_bias") && kind != Kind.MISTRAL && kind != Kind.QWEN2;
            return new Config(
                    c,
                    kind,
                    c.count("num_hidden_layers"),
                    headDim,
                    c.number("rms_norm_eps", 1e-6),
                    c.flag("tie_word_embeddings"),
                    Dim.whole("hidden elements", hidden),
                    Dim.split("attention heads", heads, headDim),
                    Dim.splitOrRepeat("key-value heads", kv, headDim),
                    Dim.split("intermediate elements", c.count("intermediate_size"), 1),
                    Dim.splitOrWhole("vocabulary ids", c.count("vocab_size")),
                    bias || kind == Kind.QWEN2 ? STORED : NONE,
                    bias ? STORED : NONE,
                    kind == Kind.LLAMA && c.flag("mlp_bias") ? STORED : NONE);
        }

        private static Kind kind(ModelConfig c) {
            List<String> names = c.texts("architectures");
            return names.contains("MistralForCausalLM")
                    ? Kind.MISTRAL
                    : names.contains("Qwen2ForCausalLM")
                            ? Kind.QWEN2
                            : names.contains("Qwen3ForCausalLM") ? Kind.QWEN3 : Kind.LLAMA;
        }

        /** Reads once what is else read layer by layer, so that a fault shows before any weight is touched. */
        void check() {
            Rotary.of(from, headDim);
            for (int layer = 0; layer < layers; layer++) {
                window(layer);
            }
        }

        /** How many positions a token of this layer sees; 0 for all. */
        int window(int layer) {
            return switch (kind) {
                case LLAMA -> 0;
                // Left out it is 4,096; null means no window.
                case MISTRAL -> from.states("sliding_window") ? from.count("sliding_window", 0) : 4096;
                case QWEN2, QWEN3 -> {
                    int window = from.flag("use_sliding_window") ? from.count("sliding_window", 0) : 0;
                    List<String> types = from.texts("layer_types");
                    if (types.isEmpty()) {
                        yield layer >= from.count("max_window_layers", 28) ? window : 0;
                    }
                    yield window(layer, window, types);
                }
            };
        }

        private int window(int layer, int window, List<String> types) {
            if (types.size() != layers) {
                throw from.fault("layer_types", "has " + types.size() + " entries for " + layers + " layers");
            }
            return switch (types.get(layer)) {
                case "full_attention" -> 0;
                case "sliding_attention" -> window;
                case String other ->
                    throw from.fault(
                            "layer_types",
                            "names '" + other + "', which is not supported; full_attention and sliding_attention are");
            };
        }
    }
}
