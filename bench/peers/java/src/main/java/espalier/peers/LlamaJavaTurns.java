package espalier.peers;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * java-llama.cpp: {@code LlamaJavaTurns FILE.gguf THREADS}. Sequences that run at once are its slots, which it batches.
 *
 * <p>Its interface takes text. A prompt of n tokens is made of n words that are one token each, counted by its own
 * tokenizer; the answers are bounded by their number of tokens, end tokens banned, so that every answer has exactly its
 * length.
 */
final class LlamaJavaTurns {
    private static final int SLOTS = 32;
    private static final int SLOT_TOKENS = 640;

    private final LlamaModel model;
    private final Random random = new Random(1);
    private final List<String> words;
    private final int extra;

    private LlamaJavaTurns(LlamaModel model) {
        this.model = model;
        this.words = words(model);
        // a token that opens every prompt, where the model has one
        this.extra = model.encode(words.getFirst()).length - 1;
    }

    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[1]);
        var parameters = new ModelParameters()
                .setModel(arguments[0])
                .setThreads(threads)
                .setThreadsBatch(threads)
                .setCtxSize(SLOTS * SLOT_TOKENS)
                .setParallel(SLOTS)
                .enableContBatching()
                .enableFlashAttn()
                .disableLog();
        var out = System.out;
        System.setOut(System.err);
        try (var model = new LlamaModel(parameters)) {
            Turns.take("java-llama.cpp", new LlamaJavaTurns(model)::run, out);
        }
        System.exit(0);
    }

    private int run(int[] prompts, int[] outputs) throws Exception {
        int made = 0;
        try (var callers = Executors.newFixedThreadPool(prompts.length)) {
            var answers = new ArrayList<Future<String>>();
            for (int i = 0; i < prompts.length; i++) {
                var asked = new InferenceParameters(prompt(prompts[i]))
                        .setNPredict(outputs[i])
                        .setIgnoreEos(true)
                        .setTemperature(0)
                        .setCachePrompt(false);
                answers.add(callers.submit(() -> model.complete(asked)));
                made += outputs[i];
            }
            for (Future<String> answer : answers) {
                answer.get();
            }
        }
        return made;
    }

    private String prompt(int tokens) {
        var text = new StringBuilder();
        for (int i = extra; i < tokens; i++) {
            text.append(words.get(random.nextInt(words.size())));
        }
        int counted = model.encode(text.toString()).length;
        if (counted != tokens) {
            throw new IllegalStateException("a prompt for " + tokens + " tokens has " + counted);
        }
        return text.toString();
    }

    /** Words with a space before them, which are one token whatever surrounds them. */
    private static List<String> words(LlamaModel model) {
        var found = new ArrayList<String>();
        for (int id = 1000; id < 20_000 && found.size() < 400; id++) {
            String text = model.decode(new int[] {id});
            if (text.matches(" [a-z]{3,}")
                    && model.encode(text + text + text).length == model.encode(text).length + 2) {
                found.add(text);
            }
        }
        if (found.isEmpty()) {
            throw new IllegalStateException("the tokenizer has no words of one token");
        }
        return found;
    }
}
