package espalier.text;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the files beside a {@code tokenizer.json} add to it, as the transformers library reads them: more added tokens
 * ({@code added_tokens_decoder}, {@code added_tokens.json}), the names of special tokens, and whether a text begins and
 * ends with one ({@code add_bos_token}, {@code add_eos_token}). None of the files need exist.
 */
final class CheckpointTokens {
    private static final List<String> NAMES =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    private static final List<String> LISTS = List.of("additional_special_tokens", "extra_special_tokens");

    private final @Nullable Fields config;
    private final @Nullable Fields specials;
    private final @Nullable Fields addedTokens;

    private CheckpointTokens(Path folder) {
        config = read(folder.resolve("tokenizer_config.json"));
        specials = read(folder.resolve("special_tokens_map.json"));
        addedTokens = read(folder.resolve("added_tokens.json"));
    }

    static CheckpointTokens of(Path folder) {
        return new CheckpointTokens(folder);
    }

    private static @Nullable Fields read(Path path) {
        if (!Files.exists(path)) {
            return null;
        }
        try {
            JsonNode json = new JsonMapper().readTree(Files.readAllBytes(path));
            return new Fields(path.toString(), "", json);
        } catch (JacksonException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, path + ": not valid JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, path + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /** The tokens to be added to those of the {@code tokenizer.json}, of which a later one replaces an earlier. */
    List<AddedToken> beyond(List<AddedToken> present) {
        Map<String, AddedToken> known = new LinkedHashMap<>();
        present.forEach(token -> known.put(token.content(), token));
        List<AddedToken> more = new ArrayList<>();
        for (AddedToken token : listed()) {
            if (known.putIfAbsent(token.content(), token) == null) {
                more.add(token);
            }
        }
        for (AddedToken token : declared()) {
            AddedToken there = known.get(token.content());
            if (there == null || !there.equals(token.withId(there.id()))) {
                more.add(token);
                known.put(token.content(), token);
            }
        }
        for (AddedToken token : named()) {
            if (known.putIfAbsent(token.content(), token) == null) {
                more.add(token);
            }
        }
        return more;
    }

    /** The tokens that the configuration describes; they replace what the {@code tokenizer.json} says of them. */
    private List<AddedToken> declared() {
        JsonNode decoder = config == null ? null : config.value("added_tokens_decoder");
        if (config == null || decoder == null) {
            return List.of();
        }
        return decoder.properties().stream()
                .sorted(Comparator.comparingInt(entry -> number(config, entry.getKey())))
                .map(entry -> new Fields(config.file(), "added_tokens_decoder." + entry.getKey(), entry.getValue()))
                .map(TokenizerJson::addedToken)
                .toList();
    }

    /** The tokens of {@code added_tokens.json}, which has nothing but their ids. */
    private List<AddedToken> listed() {
        if (addedTokens == null) {
            return List.of();
        }
        return addedTokens.node().properties().stream()
                .sorted(Comparator.comparingInt(entry -> entry.getValue().asInt(0)))
                .map(entry -> new AddedToken(-1, entry.getKey(), false, false, false, true, false))
                .toList();
    }

    private static int number(Fields config, String key) {
        try {
            return Integer.parseInt(key);
        } catch (NumberFormatException e) {
            throw config.fault("'added_tokens_decoder' has the key '" + key + "', which is not an id");
        }
    }

    private List<AddedToken> named() {
        List<AddedToken> named = new ArrayList<>();
        for (String name : NAMES) {
            AddedToken token = special(name);
            if (token != null) {
                named.add(token);
            }
        }
        for (Fields file : files()) {
            for (String name : LISTS) {
                JsonNode list = file.value(name);
                if (list != null) {
                    list.forEach(value -> named.add(special(file, name, value)));
                }
            }
        }
        return named;
    }

    private List<Fields> files() {
        List<Fields> files = new ArrayList<>();
        if (config != null) {
            files.add(config);
        }
        if (specials != null) {
            files.add(specials);
        }
        return files;
    }

    private @Nullable AddedToken special(String name) {
        for (Fields file : files()) {
            JsonNode value = file.value(name);
            if (value != null) {
                return special(file, name, value);
            }
        }
        return null;
    }

    private static AddedToken special(Fields file, String name, JsonNode value) {
        if (value.isString()) {
            return new AddedToken(-1, value.stringValue(), false, false, false, false, true);
        }
        AddedToken token = TokenizerJson.addedToken(new Fields(file.file(), name, value));
        return new AddedToken(
                -1,
                token.content(),
                token.singleWord(),
                token.leftStrip(),
                token.rightStrip(),
                token.normalized(),
                true);
    }

    /** The post-processor that the configuration asks for; null where it leaves that to the {@code tokenizer.json}. */
    @Nullable
    PostProcessor postProcessor(AddedVocabulary vocabulary) {
        if (config == null || (config.value("add_bos_token") == null && config.value("add_eos_token") == null)) {
            return null;
        }
        List<Integer> template = new ArrayList<>();
        if (config.flag("add_bos_token", false)) {
            addId("bos_token", vocabulary, template);
        }
        template.add(PostProcessor.TEXT);
        if (config.flag("add_eos_token", false)) {
            addId("eos_token", vocabulary, template);
        }
        return new PostProcessor(List.copyOf(template));
    }

    private void addId(String name, AddedVocabulary vocabulary, List<Integer> template) {
        AddedToken token = special(name);
        int id = token == null ? -1 : vocabulary.id(token.content());
        if (id >= 0) {
            template.add(id);
        }
    }
}
