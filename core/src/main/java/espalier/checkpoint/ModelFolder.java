package espalier.checkpoint;

import espalier.base.Tokens;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * A model as a folder of files, laid out as the transformers library's {@code save_pretrained} does. The small JSON files
 * are read at once; weights, tokenizer and templates when asked for, so that random weights need no weight files and
 * serving by token ids no tokenizer.
 *
 * @param config {@code config.json}
 * @param generationDefaults {@code generation_config.json}, or nothing
 * @param tokenizerConfig {@code tokenizer_config.json}, or an empty object
 */
public record ModelFolder(Path folder, JsonNode config, GenerationDefaults generationDefaults, JsonNode tokenizerConfig)
        implements ModelSource {
    /** The name of the template that serves unless another is asked for. */
    public static final String DEFAULT_TEMPLATE = "default";

    /** Reads the folder's JSON files. */
    public static ModelFolder open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw JsonFile.fault(folder + (Files.exists(folder) ? ": not a folder" : ": no such folder")
                    + "; a model is a folder with config.json, *.safetensors and tokenizer.json, or a .gguf file");
        }
        Path config = folder.resolve("config.json");
        if (!Files.isRegularFile(config)) {
            throw JsonFile.fault(folder + ": no config.json; a model is a folder with config.json, *.safetensors and"
                    + " tokenizer.json" + describe(folder));
        }
        Path generation = folder.resolve("generation_config.json");
        Path tokenizer = folder.resolve("tokenizer_config.json");
        return new ModelFolder(
                folder,
                JsonFile.object(config),
                Files.exists(generation)
                        ? GenerationDefaults.of(generation, JsonFile.object(generation))
                        : GenerationDefaults.NONE,
                Files.exists(tokenizer) ? JsonFile.object(tokenizer) : JsonNodeFactory.instance.objectNode());
    }

    /** What the model is called unless somebody says otherwise: its hub id where it lies in the hub's cache, else the folder. */
    @Override
    public String name() {
        Path path = folder.toAbsolutePath().normalize();
        Path snapshots = path.getParent();
        Path model = snapshots == null ? null : snapshots.getParent();
        if (snapshots != null && model != null && snapshots.endsWith("snapshots")) {
            String cached = String.valueOf(model.getFileName());
            if (cached.startsWith("models--")) {
                return cached.substring("models--".length()).replace("--", "/");
            }
        }
        return String.valueOf(path.getFileName());
    }

    /** Ids that end an answer: those of generation_config.json, or else of config.json, or else none. */
    @Override
    public Tokens eosTokenIds() {
        Tokens recommended = generationDefaults.eosTokenIds();
        if (!recommended.isEmpty()) {
            return recommended;
        }
        JsonNode own = config.path("eos_token_id");
        // Models that see as well as read keep it with the text model.
        JsonNode node = own.isMissingNode() ? config.path("text_config").path("eos_token_id") : own;
        return GenerationDefaults.tokenIds(folder.resolve("config.json"), "eos_token_id", node);
    }

    /** {@code tokenizer.json}. */
    public Path tokenizer() {
        Path file = folder.resolve("tokenizer.json");
        if (Files.isRegularFile(file)) {
            return file;
        }
        boolean sentencePiece = Files.isRegularFile(folder.resolve("tokenizer.model"));
        throw JsonFile.fault(folder + ": no tokenizer.json"
                + (sentencePiece
                        ? "; tokenizer.model alone is not read: load it with the transformers library and save it as a"
                                + " fast tokenizer, which writes tokenizer.json"
                        : "; copy it from where the model came from"));
    }

    /**
     * Chat templates by name, {@link #DEFAULT_TEMPLATE} first: of {@code chat_template.jinja} and
     * {@code additional_chat_templates/}, or else {@code chat_template.json}, or else the tokenizer's config. Empty where
     * the model has none.
     */
    public Map<String, String> chatTemplates() {
        Map<String, String> templates = new LinkedHashMap<>();
        Path jinja = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(jinja)) {
            templates.put(DEFAULT_TEMPLATE, text(jinja));
        }
        Path more = folder.resolve("additional_chat_templates");
        if (Files.isDirectory(more)) {
            for (Path file : list(more)) {
                String name = String.valueOf(file.getFileName());
                if (name.endsWith(".jinja")) {
                    templates.putIfAbsent(name.substring(0, name.length() - ".jinja".length()), text(file));
                }
            }
        }
        if (templates.isEmpty()) {
            Path json = folder.resolve("chat_template.json");
            collect(json, Files.isRegularFile(json) ? JsonFile.object(json) : null, templates);
        }
        if (templates.isEmpty()) {
            collect(folder.resolve("tokenizer_config.json"), tokenizerConfig, templates);
        }
        return templates;
    }

    /** The weights, memory-mapped. */
    @Override
    public SafetensorsCheckpoint checkpoint() {
        WeightFiles files = weightFiles();
        return files.index() == null
                ? SafetensorsCheckpoint.open(config, files.files())
                : SafetensorsCheckpoint.open(config, files.index());
    }

    /** Throws what {@link #checkpoint} would where weight files are missing, without opening any. */
    public void checkWeightFiles() {
        weightFiles();
    }

    private record WeightFiles(List<Path> files, @Nullable WeightIndex index) {}

    private WeightFiles weightFiles() {
        Path single = folder.resolve("model.safetensors");
        if (Files.isRegularFile(single)) {
            return new WeightFiles(List.of(single), null);
        }
        Path index = folder.resolve("model.safetensors.index.json");
        if (Files.isRegularFile(index)) {
            WeightIndex read = WeightIndex.read(index);
            return new WeightFiles(read.shards(), read);
        }
        List<Path> files = list(folder).stream()
                .filter(file -> file.toString().endsWith(".safetensors"))
                .toList();
        if (files.size() == 1 && !isShard(files.getFirst())) {
            return new WeightFiles(files, null);
        }
        throw JsonFile.fault(folder + ": " + noWeights(files));
    }

    private String noWeights(List<Path> safetensors) {
        if (!safetensors.isEmpty()) {
            return "several safetensors files or a part of them, but no model.safetensors.index.json that says which tensor"
                    + " is where; download it as well";
        }
        return list(folder).stream()
                .map(file -> String.valueOf(file.getFileName()))
                .filter(name -> name.matches(".*\\.(bin|pth|pt|ckpt|gguf|h5|msgpack|onnx)"))
                .filter(name -> !name.matches("(training_args|optimizer|scheduler|rng_state.*)\\.(bin|pth?)"))
                .findFirst()
                .map(name -> name.endsWith(".gguf")
                        ? "the weights are in " + name
                                + ", which is a whole model: name the file itself with --model-path"
                        : "the weights are in " + name + ", but only safetensors are read; convert them (load the"
                                + " model with the transformers library and call save_pretrained)")
                .orElse("no weights (*.safetensors)" + describe(folder));
    }

    private static boolean isShard(Path file) {
        return String.valueOf(file.getFileName()).matches(".*-\\d+-of-\\d+\\.safetensors")
                && !String.valueOf(file.getFileName()).matches(".*-0*1-of-0*1\\.safetensors");
    }

    private static void collect(Path file, @Nullable JsonNode json, Map<String, String> into) {
        JsonNode template = json == null ? JsonNodeFactory.instance.missingNode() : json.path("chat_template");
        if (template.isString()) {
            into.put(DEFAULT_TEMPLATE, template.asString());
        } else if (template.isArray()) {
            // Older files list them as {"name": …, "template": …}.
            for (JsonNode one : template) {
                into.put(one.path("name").asString(), one.path("template").asString());
            }
        } else if (!template.isMissingNode() && !template.isNull()) {
            throw JsonFile.fault(file + ": chat_template is neither a text nor a list of templates");
        }
    }

    private static String text(Path file) {
        return new String(JsonFile.bytes(file), StandardCharsets.UTF_8);
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw JsonFile.fault(folder + ": cannot be listed: " + e);
        }
    }

    private static String describe(Path folder) {
        List<Path> files = list(folder);
        if (files.isEmpty()) {
            return " (the folder is empty)";
        }
        Optional<Path> inner = files.stream()
                .filter(file -> Files.isRegularFile(file.resolve("config.json")))
                .findFirst();
        return inner.map(file -> "; did you mean " + file + "?").orElse("");
    }
}
