package espalier.cuda.gpu;

import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.workload.ChatLengths;
import espalier.workload.Draws;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The requests of the GPU's benchmarks: the very ones that other engines were measured by. Ids are drawn from 1000 to
 * 120,000 by {@link Draws} of "measure.repetition".
 */
final class Workload {
    /** The model's shape: Llama-3.1-8B. */
    static final String CONFIG = """
            {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 128000,
             "eos_token_id": 128001, "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096,
             "intermediate_size": 14336, "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama",
             "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
             "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
             "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
             "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 128256}
            """;

    /** Ids are drawn below it, from 1000 on; less only to rehearse. */
    private static final int VOCABULARY = Integer.getInteger("espalier.gpu.vocabulary", 120_001);

    /** Shortens prompts and answers; less than 1 only to rehearse. */
    private static final double LENGTHS = Double.parseDouble(System.getProperty("espalier.gpu.lengths", "1"));

    private Workload() {}

    private static int[] ids(Draws draws, int count) {
        var ids = new int[count];
        Arrays.setAll(ids, i -> 1000 + draws.below(VOCABULARY - 1000));
        return ids;
    }

    private static int length(int tokens) {
        return Math.max(1, (int) (tokens * LENGTHS));
    }

    /** {@code count} prompts of the same length. */
    static List<GenerateRequest> same(String measure, int count, int prompt, int out) {
        var random = new Draws(measure + ".0");
        var all = new ArrayList<GenerateRequest>();
        for (int i = 0; i < count; i++) {
            all.add(request(i, ids(random, length(prompt)), out));
        }
        return all;
    }

    /** Prompts and answers as in conversations. */
    static List<GenerateRequest> chat(String measure, int repetition, int count) {
        var random = new Draws(measure + "." + repetition);
        var all = new ArrayList<GenerateRequest>();
        for (ChatLengths lengths : ChatLengths.first(count)) {
            all.add(request(all.size(), ids(random, length(lengths.prompt())), length(lengths.answer())));
        }
        return all;
    }

    /** Groups that share a long prefix, shuffled. */
    static List<GenerateRequest> prefix(int repetition) {
        var random = new Draws("prefix." + repetition);
        var prompts = new ArrayList<int[]>();
        for (int group = 0; group < 64; group++) {
            int[] shared = ids(random, length(2048));
            for (int i = 0; i < 16; i++) {
                int[] own = ids(random, length(128));
                int[] prompt = Arrays.copyOf(shared, shared.length + own.length);
                System.arraycopy(own, 0, prompt, shared.length, own.length);
                prompts.add(prompt);
            }
        }
        for (int i = prompts.size() - 1; i > 0; i--) {
            java.util.Collections.swap(prompts, i, random.below(i + 1));
        }
        var all = new ArrayList<GenerateRequest>();
        for (int i = 0; i < prompts.size(); i++) {
            all.add(request(i, prompts.get(i), length(64)));
        }
        return all;
    }

    static GenerateRequest request(int number, int[] prompt, int out) {
        var params = SamplingParams.builder()
                .maxNewTokens(out)
                .ignoreEos(true)
                .temperature(0)
                .build();
        return new GenerateRequest("r" + number + "-" + out + "-" + System.nanoTime(), Tokens.of(prompt), params);
    }
}
