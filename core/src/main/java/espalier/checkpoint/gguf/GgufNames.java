package espalier.checkpoint.gguf;

import java.util.HashMap;
import java.util.Map;

/** What GGUF calls the tensors of the llama-like families, and what their first publishers call them. */
final class GgufNames {
    private static final Map<String, String> OUTSIDE =
            Map.of("token_embd", "model.embed_tokens", "output_norm", "model.norm", "output", "lm_head");

    private static final Map<String, String> IN_LAYER = Map.ofEntries(
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("ffn_norm", "post_attention_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("attn_q_norm", "self_attn.q_norm"),
            Map.entry("attn_k_norm", "self_attn.k_norm"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"));

    private static final Map<String, String> BACK = reversed();

    private GgufNames() {}

    /** {@code blk.3.attn_q.weight} to {@code model.layers.3.self_attn.q_proj.weight}; an unknown name stays as it is. */
    static String published(String gguf) {
        int leaf = gguf.lastIndexOf('.');
        if (leaf < 0) {
            return gguf;
        }
        String path = gguf.substring(0, leaf);
        String end = gguf.substring(leaf);
        if (OUTSIDE.containsKey(path)) {
            return OUTSIDE.get(path) + end;
        }
        String[] parts = path.split("\\.", 3);
        if (parts.length == 3 && parts[0].equals("blk") && IN_LAYER.containsKey(parts[2])) {
            return "model.layers." + parts[1] + "." + IN_LAYER.get(parts[2]) + end;
        }
        return gguf;
    }

    /** The other way. */
    static String stored(String published) {
        int leaf = published.lastIndexOf('.');
        String path = published.substring(0, Math.max(leaf, 0));
        String end = published.substring(Math.max(leaf, 0));
        if (BACK.containsKey(path)) {
            return BACK.get(path) + end;
        }
        String[] parts = path.split("\\.", 4);
        if (parts.length == 4 && BACK.containsKey(parts[3])) {
            return "blk." + parts[2] + "." + BACK.get(parts[3]) + end;
        }
        return published;
    }

    private static Map<String, String> reversed() {
        var back = new HashMap<String, String>();
        OUTSIDE.forEach((gguf, published) -> back.put(published, gguf));
        IN_LAYER.forEach((gguf, published) -> back.put(published, gguf));
        return Map.copyOf(back);
    }
}
