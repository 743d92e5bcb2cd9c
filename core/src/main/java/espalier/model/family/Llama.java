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
import espalier.model.Windows;
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
        return new ModelShape(
                c.layers, c.hidden, c.vocab, c.kvHeads, Rotary.contextTokens(config), (float) c.eps, c.tied);
    }

    @Override
    public Layer layer(int index, ModelConfig config, Weights w) {
        var c = Config.of(config);
        Weights attn = w.at("self_attn");
        Weights mlp = w.at("mlp");
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
                c.headNorms ? attn.at("q_norm").norm(head, c.eps) : null,
                c.headNorms ? attn.at("k_norm").norm(head, c.eps) : null,
                w.rope(c.rotary),
                c.windows.of(index));
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

    /** The fields of config.json that this family reads, with the defaults that transformers gives them. */
    private record Config(
            int layers,
            int headDim,
            boolean headNorms,
            double eps,
            boolean tied,
            Dim hidden,
            Dim heads,
            Dim kvHeads,
            Dim ffn,
            Dim vocab,
            Bias qkvBias,
            Bias outBias,
            Bias mlpBias,
            Windows windows,
            Rotary rotary) {

        static Config of(ModelConfig c) {
            boolean llama = c.isA("LlamaForCausalLM");
            boolean qwen2 = c.isA("Qwen2ForCausalLM");
            boolean qwen3 = c.isA("Qwen3ForCausalLM");
            String act = c.text("hidden_act", "silu");
            if (!act.equals("silu")) {
                throw c.fault("hidden_act", "is '" + act + "', which this family does not support; silu is");
            }
            int layers = c.count("num_hidden_layers");
            int hidden = c.count("hidden_size");
            int heads = c.count("num_attention_heads");
            int kv = c.count("num_key_value_heads", heads);
            if (heads % kv != 0) {
                throw c.fault("num_key_value_heads", "is " + kv + ", which does not divide " + heads + " heads");
            }
            int headDim = c.count("head_dim", qwen3 ? 128 : Math.max(1, hidden / heads));
            boolean biased = (llama || qwen3) && c.flag("attention_bias");
            return new Config(
                    layers,
                    headDim,
                    qwen3,
                    c.number("rms_norm_eps", 1e-6),
                    c.flag("tie_word_embeddings"),
                    Dim.whole("hidden elements", hidden),
                    Dim.split("attention heads", heads, headDim),
                    Dim.splitOrRepeat("key-value heads", kv, headDim),
                    Dim.split("intermediate elements", c.count("intermediate_size"), 1),
                    Dim.splitOrWhole("vocabulary ids", c.count("vocab_size")),
                    biased || qwen2 ? STORED : NONE,
                    biased ? STORED : NONE,
                    llama && c.flag("mlp_bias") ? STORED : NONE,
                    windows(c, layers),
                    Rotary.of(c, headDim));
        }

        private static Windows windows(ModelConfig c, int layers) {
            if (c.isA("LlamaForCausalLM")) {
                return Windows.everywhere(layers, 0);
            }
            if (c.isA("MistralForCausalLM")) { // left out it is 4,096; null means none
                return Windows.everywhere(layers, c.states("sliding_window") ? c.count("sliding_window", 0) : 4096);
            }
            return Windows.byLayer(c, layers, c.flag("use_sliding_window") ? c.count("sliding_window", 0) : 0);
        }
    }
}
