package com.llama4j;

import espalier.peers.Turns;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;

/**
 * llama3.java: {@code Llama3Turns FILE.gguf}, compiled together with a checkout's Llama3.java, whose classes are its
 * package's own. It runs one sequence at a time. Its tokenizer knows Llama 3's vocabulary alone and is left out.
 */
final class Llama3Turns {
    private static final int CONTEXT = 1024;
    private static final int BATCH = Integer.getInteger("llama.BatchSize", 16);

    private final Llama model;
    private final Random random = new Random(1);

    private Llama3Turns(Llama model) {
        this.model = model;
    }

    public static void main(String[] arguments) throws Exception {
        var out = System.out;
        System.setOut(System.err);
        Turns.take("llama3.java", new Llama3Turns(load(Path.of(arguments[0])))::run, out);
    }

    private static Llama load(Path file) throws Exception {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            GGUF gguf = GGUF.loadModel(channel, file.toString());
            Map<String, Object> facts = gguf.getMetadata();
            int heads = (int) facts.get("llama.attention.head_count");
            var configuration = new Llama.Configuration(
                    (int) facts.get("llama.embedding_length"),
                    (int) facts.get("llama.feed_forward_length"),
                    (int) facts.get("llama.block_count"),
                    heads,
                    (int) facts.getOrDefault("llama.attention.head_count_kv", heads),
                    ((String[]) facts.get("tokenizer.ggml.tokens")).length,
                    CONTEXT,
                    (float) facts.getOrDefault("llama.attention.layer_norm_rms_epsilon", 1e-5f),
                    (float) facts.getOrDefault("llama.rope.freq_base", 10_000f));
            var tensors = GGUF.loadTensors(channel, gguf.getTensorDataOffset(), gguf.getTensorInfos());
            return new Llama(configuration, null, ModelLoader.loadWeights(tensors, configuration));
        }
    }

    private int run(int[] prompts, int[] outputs) {
        int made = 0;
        for (int i = 0; i < prompts.length; i++) {
            made += one(prompts[i], outputs[i]);
        }
        return made;
    }

    private int one(int prompt, int output) {
        var state = new Llama.State(model.configuration(), BATCH);
        int[] ids =
                random.ints(prompt, 0, model.configuration().vocabularySize).toArray();
        for (int from = 0; from < prompt; from += BATCH) {
            int to = Math.min(prompt, from + BATCH);
            Llama.forward(model, state, Arrays.copyOfRange(ids, from, to), from, to == prompt);
        }
        int made = 1;
        int next = Sampler.ARGMAX.sampleToken(state.logits);
        for (int position = prompt; made < output; position++, made++) {
            Llama.forward(model, state, new int[] {next}, position, true);
            next = Sampler.ARGMAX.sampleToken(state.logits);
        }
        return made;
    }
}
