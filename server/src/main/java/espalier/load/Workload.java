package espalier.load;

import espalier.base.Tokens;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The requests of a benchmark, made from a seed: the same flags give the same requests. */
public record Workload(String dataset, List<Item> items) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Tokens of an answer before measuring: as many as SGLang's client asks for. */
    private static final int WARMUP_OUTPUT = 32;

    /**
     * One request.
     *
     * @param outputTokens exactly as many are generated: end tokens are ignored
     */
    public record Item(Tokens prompt, int outputTokens) {}

    /**
     * Ids drawn evenly.
     *
     * @param inputTokens of each prompt at most; the least is {@code inputTokens * evenness}; outputTokens alike
     * @param evenness 1 gives every request the full length, 0 any length from one token on
     */
    public static Workload randomIds(Shape shape, int inputTokens, int outputTokens, double evenness) {
        var random = new Random(shape.seed());
        var items = new ArrayList<Item>();
        for (int i = 0; i < shape.requests(); i++) {
            int in = length(random, inputTokens, evenness);
            int out = length(random, outputTokens, evenness);
            items.add(new Item(ids(random, in, shape.vocabulary()), out));
        }
        return new Workload("random-ids", List.copyOf(items));
    }

    /** Lengths as real traffic has them: many short, few long. */
    public static Workload logNormal(Shape shape, Lengths prompts, Lengths outputs) {
        var random = new Random(shape.seed());
        var items = new ArrayList<Item>();
        for (int i = 0; i < shape.requests(); i++) {
            int in = prompts.draw(random);
            int out = outputs.draw(random);
            items.add(new Item(ids(random, in, shape.vocabulary()), out));
        }
        return new Workload("log-normal", List.copyOf(items));
    }

    /**
     * Log-normal lengths in tokens.
     *
     * @param mean of the distribution before it is cut at least and most
     * @param sigma of the logarithm
     */
    public record Lengths(double mean, double sigma, int least, int most) {
        int draw(Random random) {
            double drawn = Math.exp(Math.log(mean) - sigma * sigma / 2 + sigma * random.nextGaussian());
            return Math.clamp(Math.round(drawn), least, most);
        }
    }

    /**
     * Requests of a file, a line of JSON each: {@code prompt}, a list of token ids, and {@code max_tokens}.
     *
     * @param most lines that are read
     */
    public static Workload file(Path file, int most) throws IOException {
        var items = new ArrayList<Item>();
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null && items.size() < most; line = lines.readLine()) {
                JsonNode fields = JSON.readTree(line);
                int[] prompt = fields.path("prompt")
                        .valueStream()
                        .mapToInt(JsonNode::intValue)
                        .toArray();
                int output = fields.path("max_tokens").asInt(0);
                if (prompt.length == 0 || output < 1) {
                    throw new IOException(file + ", line " + (items.size() + 1)
                            + ": prompt must be a list of ids and max_tokens at least 1");
                }
                items.add(new Item(Tokens.of(prompt), output));
            }
        } catch (JacksonException e) {
            throw new IOException(file + ", line " + (items.size() + 1) + ": " + e.getOriginalMessage(), e);
        }
        return new Workload("token-ids", List.copyOf(items));
    }

    /** Groups whose prompts begin alike, in mixed order. */
    public static Workload sharedPrefix(
            Shape shape, int groups, int prefixTokens, int questionTokens, int outputTokens) {
        var random = new Random(shape.seed());
        var prefixes = new ArrayList<Tokens>();
        for (int g = 0; g < groups; g++) {
            prefixes.add(ids(random, prefixTokens, shape.vocabulary()));
        }
        var items = new ArrayList<Item>();
        for (int i = 0; i < shape.requests(); i++) {
            Tokens question = ids(random, questionTokens, shape.vocabulary());
            items.add(new Item(prefixes.get(i % groups).concat(question), outputTokens));
        }
        Collections.shuffle(items, random);
        return new Workload("generated-shared-prefix", List.copyOf(items));
    }

    /**
     * Its first requests with short answers and other ids, so that a prefix cache keeps nothing of use to itself: what a
     * client sends before it measures.
     *
     * @param most requests
     */
    Workload warmup(int most, int vocabulary) {
        var shorter = items.stream()
                .limit(most)
                .map(item -> new Item(
                        Tokens.of(Arrays.stream(item.prompt().toArray())
                                .map(id -> (id + 1) % vocabulary)
                                .toArray()),
                        Math.min(item.outputTokens(), WARMUP_OUTPUT)))
                .toList();
        return new Workload(dataset, shorter);
    }

    /** What every dataset needs. */
    public record Shape(int requests, int vocabulary, long seed) {}

    private static int length(Random random, int most, double evenness) {
        int least = Math.max(1, (int) (most * evenness));
        return least + random.nextInt(most - least + 1);
    }

    private static Tokens ids(Random random, int count, int vocabulary) {
        int[] ids = new int[count];
        for (int i = 0; i < count; i++) {
            ids[i] = random.nextInt(vocabulary);
        }
        return Tokens.of(ids);
    }
}
