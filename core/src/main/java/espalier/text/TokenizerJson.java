package espalier.text;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads a {@code tokenizer.json}. */
final class TokenizerJson {
    private final String file;
    private @Nullable Model model;
    private final List<AddedToken> addedTokens = new ArrayList<>();
    private List<Normalizer> normalizers = List.of();
    private List<PreTokenizer> preTokenizers = List.of();
    private PostProcessor postProcessor = PostProcessor.NONE;
    private List<Decoder> decoders = List.of(new Decoder.SpaceBetween());

    private TokenizerJson(String file) {
        this.file = file;
    }

    static Tokenizer load(Path folder) {
        Path path = folder.resolve("tokenizer.json");
        try {
            byte[] json = Files.readAllBytes(path);
            return read(json, path.toString()).tokenizer(CheckpointTokens.of(folder));
        } catch (NoSuchFileException e) {
            throw Fields.fault(
                    path.toString(), "", "no such file; a checkpoint needs its tokenizer.json beside the weights");
        } catch (IOException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, path + ": cannot be read: " + e.getMessage(), e);
        }
    }

    static Tokenizer parse(String json, String source) {
        return read(json.getBytes(StandardCharsets.UTF_8), source).tokenizer(null);
    }

    private static TokenizerJson read(byte[] json, String file) {
        TokenizerJson reader = new TokenizerJson(file);
        // The names of a vocabulary's entries are each met once, so the parser's table of names would only grow.
        JsonMapper mapper = JsonMapper.builder(JsonFactory.builder()
                        .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                        .build())
                .build();
        try (JsonParser parser = mapper.createParser(json)) {
            reader.readAll(parser);
        } catch (JacksonException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, file + ": not valid JSON: " + e.getOriginalMessage(), e);
        }
        return reader;
    }

    private void readAll(JsonParser parser) {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw Fields.fault(file, "", "must be a JSON object");
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            if (name.equals("model")) {
                model = ModelJson.read(parser, file);
                continue;
            }
            JsonNode value = parser.readValueAsTree();
            if (value != null && !value.isNull()) {
                component(name, value);
            }
        }
    }

    private void component(String name, JsonNode value) {
        switch (name) {
            case "added_tokens" -> {
                if (!value.isArray()) {
                    throw Fields.fault(file, name, "must be an array");
                }
                for (JsonNode token : value) {
                    addedTokens.add(addedToken(new Fields(file, name + "[" + addedTokens.size() + "]", token)));
                }
            }
            case "normalizer" -> normalizers = NormalizerJson.normalizers(new Fields(file, name, value));
            case "pre_tokenizer" -> preTokenizers = ComponentJson.preTokenizers(new Fields(file, name, value));
            case "post_processor" -> postProcessor = ComponentJson.postProcessor(new Fields(file, name, value));
            case "decoder" -> decoders = ComponentJson.decoders(new Fields(file, name, value));
            default -> {
                // Version, truncation, padding: they say nothing about how a text becomes tokens.
            }
        }
    }

    static AddedToken addedToken(Fields json) {
        boolean special = json.flag("special", false);
        return new AddedToken(
                json.number("id", -1),
                json.text("content"),
                json.flag("single_word", false),
                json.flag("lstrip", false),
                json.flag("rstrip", false),
                json.flag("normalized", !special),
                special);
    }

    private Tokenizer tokenizer(@Nullable CheckpointTokens beside) {
        if (model == null) {
            throw Fields.fault(file, "", "'model' is missing; is this a tokenizer.json?");
        }
        List<AddedToken> tokens = new ArrayList<>(addedTokens);
        if (beside != null) {
            tokens.addAll(beside.beyond(addedTokens));
        }
        AddedVocabulary vocabulary = new AddedVocabulary(model.vocabulary(), normalizers, tokens);
        PostProcessor asked = beside == null ? null : beside.postProcessor(vocabulary);
        return new Tokenizer(
                new TokenizerParts(model, vocabulary, preTokenizers, asked == null ? postProcessor : asked, decoders));
    }
}
