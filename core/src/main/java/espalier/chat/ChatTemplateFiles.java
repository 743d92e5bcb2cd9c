package espalier.chat;

import espalier.api.EngineFault;
import espalier.checkpoint.GenerationDefaults;
import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.gguf.GgufModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The files of a model that have to do with its chat template.
 *
 * @param sources templates by name
 * @param tokens the special tokens that templates name, by variable
 */
record ChatTemplateFiles(Path folder, Map<String, String> sources, Map<String, String> tokens) {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final List<String> TOKENS =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

    static ChatTemplateFiles of(Path folder) {
        JsonNode config = optionalJson(folder.resolve("tokenizer_config.json"));
        // Only the templates are asked for, which need no config.json: the folder may be a tokenizer's alone.
        var model = new ModelFolder(folder, JsonNodeFactory.instance.objectNode(), GenerationDefaults.NONE, config);
        JsonNode map = optionalJson(folder.resolve("special_tokens_map.json"));
        return new ChatTemplateFiles(folder, model.chatTemplates(), tokens(config, map));
    }

    /** What a GGUF file has of them. */
    static ChatTemplateFiles of(GgufModel model) {
        return new ChatTemplateFiles(model.path(), model.chatTemplates(), model.specialTokens());
    }

    /** The tokenizer's config wins; an older file beside it fills in what it leaves out. */
    private static Map<String, String> tokens(JsonNode config, JsonNode map) {
        Map<String, String> tokens = new LinkedHashMap<>();
        for (String name : TOKENS) {
            String token = token(config.has(name) ? config.path(name) : map.path(name));
            if (token != null) {
                tokens.put(name, token);
            }
        }
        return tokens;
    }

    private static @Nullable String token(JsonNode node) {
        JsonNode content = node.isObject() ? node.path("content") : node;
        return content.isString() ? content.asString() : null;
    }

    /** The template that a flag asks for: a file, or one of the model's by name. */
    String chosen(String override) {
        String named = sources.get(override);
        if (named != null) {
            return named;
        }
        Path file = file(override);
        if (file == null) {
            String known = sources.isEmpty()
                    ? "the model has none of its own"
                    : "the model's own are called " + String.join(", ", new TreeSet<>(sources.keySet()));
            throw fault("--chat-template " + override + ": no such file, and no template of that name; " + known);
        }
        if (!override.endsWith(".json")) {
            return read(file);
        }
        JsonNode template = optionalJson(file).path("chat_template");
        if (!template.isString()) {
            throw fault(file
                    + ": no text under 'chat_template'; conversation templates (system, user, assistant, sep_style)"
                    + " are not read: write them as a .jinja file");
        }
        return template.asString();
    }

    private static @Nullable Path file(String name) {
        try {
            Path file = Path.of(name);
            return Files.isRegularFile(file) ? file : null;
        } catch (InvalidPathException e) {
            return null;
        }
    }

    private static JsonNode optionalJson(Path file) {
        if (!Files.isRegularFile(file)) {
            return JsonNodeFactory.instance.objectNode();
        }
        try {
            return JSON.readTree(read(file));
        } catch (JacksonException e) {
            throw fault(file + ": not valid JSON: " + e.getOriginalMessage());
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, file + ": cannot be read: " + e, e);
        }
    }

    private static EngineFault fault(String message) {
        return new EngineFault(EngineFault.Code.CHECKPOINT, message);
    }
}
