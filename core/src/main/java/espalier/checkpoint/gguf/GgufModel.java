package espalier.checkpoint.gguf;

import espalier.base.Tokens;
import espalier.checkpoint.GenerationDefaults;
import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.ModelSource;
import espalier.text.Tokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A whole model in a GGUF file, or in the shards {@code NAME-00001-of-0000N.gguf} of one: weights, configuration, tokenizer,
 * chat template, sampling defaults.
 */
public final class GgufModel implements ModelSource {
    private static final Pattern SHARD = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

    /** Tokens that end an answer of the models that have them, whatever the metadata calls its one end-of-text. */
    private static final List<String> ENDS =
            List.of("<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end_of_text|>", "<|endoftext|>");

    private final Path path;
    private final List<GgufFile> files;
    private final GgufMetadata metadata;
    private final JsonNode config;

    private GgufModel(Path path, List<GgufFile> files, GgufMetadata metadata, JsonNode config) {
        this.path = path;
        this.files = files;
        this.metadata = metadata;
        this.config = config;
    }

    /**
     * Reads the metadata of that file and of its other shards.
     *
     * @throws espalier.api.EngineFault CHECKPOINT with what is wrong and the way out
     */
    public static GgufModel open(Path file) {
        Path first = firstShard(file);
        var files = new ArrayList<>(List.of(GgufFile.read(first)));
        var metadata = new GgufMetadata(first.toString(), files.getFirst().metadata());
        int shards = metadata.count("split.count", 1);
        for (int i = 2; i <= shards; i++) {
            files.add(GgufFile.read(shard(first, i, shards)));
        }
        try (Arena arena = Arena.ofConfined()) {
            var tensors = GgufCheckpoint.tensors(files, arena);
            int all = metadata.count("split.tensors.count", tensors.size());
            if (all != tensors.size()) {
                throw GgufFile.fault(first + ": its " + shards + " shards hold " + tensors.size() + " tensors, but"
                        + " metadata 'split.tensors.count' is " + all + "; download them again");
            }
            return new GgufModel(first, files, metadata, GgufConfig.of(metadata, tensors));
        }
    }

    private static Path firstShard(Path path) {
        Matcher m = SHARD.matcher(String.valueOf(path.getFileName()));
        return m.matches() ? path.resolveSibling(m.group(1) + "-00001-of-" + m.group(3) + ".gguf") : path;
    }

    private static Path shard(Path first, int number, int shards) {
        Matcher m = SHARD.matcher(String.valueOf(first.getFileName()));
        String end = String.format(Locale.ROOT, "-of-%05d.gguf", shards);
        if (!m.matches() || !first.toString().endsWith(end)) {
            throw GgufFile.fault(first + ": the first of " + shards + " shards, but not called NAME-00001" + end
                    + "; give the files their names back");
        }
        Path shard = first.resolveSibling(String.format(Locale.ROOT, "%s-%05d%s", m.group(1), number, end));
        if (!Files.isRegularFile(shard)) {
            throw GgufFile.fault(shard + ": no such file; the model has " + shards + " shards, download it as well");
        }
        return shard;
    }

    /** The file's name without its ending. */
    @Override
    public String name() {
        String name = String.valueOf(path.getFileName());
        Matcher m = SHARD.matcher(name);
        return m.matches() ? m.group(1) : name.replaceFirst("\\.gguf$", "");
    }

    public Path path() {
        return path;
    }

    @Override
    public JsonNode config() {
        return config;
    }

    @Override
    public GenerationDefaults generationDefaults() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        Map.of("temp", "temperature", "top_p", "top_p", "min_p", "min_p", "penalty_repeat", "repetition_penalty")
                .forEach((key, name) -> {
                    if (metadata.has("general.sampling." + key)) {
                        // stored as f32, whose shortest decimal is what its author wrote
                        float value = (float) metadata.number("general.sampling." + key);
                        json.put(name, Double.parseDouble(Float.toString(value)));
                    }
                });
        if (metadata.has("general.sampling.top_k")) {
            json.put("top_k", (int) metadata.number("general.sampling.top_k"));
        }
        return GenerationDefaults.of(path, json);
    }

    /** The end-of-text and end-of-turn that the metadata names, and the usual ends among its control tokens. */
    @Override
    public Tokens eosTokenIds() {
        var ids = new TreeSet<Integer>();
        for (String name : List.of("eos", "eot", "eom")) {
            int id = metadata.id("tokenizer.ggml." + name + "_token_id");
            if (id >= 0) {
                ids.add(id);
            }
        }
        if (metadata.has("tokenizer.ggml.tokens")) {
            ids.addAll(GgufTokenizer.controls(metadata, ENDS));
        }
        return Tokens.of(ids.stream().mapToInt(Integer::intValue).toArray());
    }

    @Override
    public GgufCheckpoint checkpoint() {
        return GgufCheckpoint.open(files, metadata, config);
    }

    /** The tokenizer that the metadata describes. */
    public Tokenizer tokenizer() {
        return GgufTokenizer.of(metadata);
    }

    /** Chat templates by name, the default one first; empty where the file has none. */
    public Map<String, String> chatTemplates() {
        Map<String, String> templates = new LinkedHashMap<>();
        String key = "tokenizer.chat_template";
        if (metadata.has(key)) {
            templates.put(ModelFolder.DEFAULT_TEMPLATE, metadata.text(key));
        }
        for (String other : metadata.values().keySet()) {
            if (other.startsWith(key + ".")) {
                templates.put(other.substring(key.length() + 1), metadata.text(other));
            }
        }
        return templates;
    }

    /** The special tokens that templates name, by variable: {@code bos_token} and its like. */
    public Map<String, String> specialTokens() {
        return GgufTokenizer.specials(metadata);
    }
}
