package espalier.checkpoint.gguf;

import espalier.base.Tokens;
import espalier.checkpoint.GenerationDefaults;
import espalier.checkpoint.GgufName;
import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.ModelSource;
import espalier.text.Tokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A whole model in a GGUF file, or in the shards {@code NAME-00001-of-0000N.gguf} of one: weights, configuration, tokenizer,
 * chat template, sampling defaults.
 */
public final class GgufModel implements ModelSource {
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

    private static GgufName named(Path file) {
        return GgufName.of(String.valueOf(file.getFileName()));
    }

    private static Path firstShard(Path path) {
        GgufName name = named(path);
        return name.shards() == 0 ? path : path.resolveSibling(name.files().getFirst());
    }

    private static Path shard(Path first, int number, int shards) {
        GgufName name = named(first);
        if (name.shards() != shards) {
            throw GgufFile.fault(first + ": the first of " + shards + " shards, but not called "
                    + new GgufName("NAME", shards).files().getFirst() + "; give the files their names back");
        }
        Path shard = first.resolveSibling(name.files().get(number - 1));
        if (!Files.isRegularFile(shard)) {
            throw GgufFile.fault(shard + ": no such file; the model has " + shards + " shards, download it as well");
        }
        return shard;
    }

    /** The file's name without its ending. */
    @Override
    public String name() {
        return named(path).model();
    }

    public Path path() {
        return path;
    }

    @Override
    public JsonNode config() {
        return config;
    }

    @Override
    public String place(String field) {
        return GgufConfig.place(metadata, field);
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
