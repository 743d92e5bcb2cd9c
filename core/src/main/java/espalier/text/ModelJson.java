package espalier.text;

import espalier.api.EngineFault;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads the {@code model} of a {@code tokenizer.json} as a stream: vocabulary and merges, which are nearly all of the
 * file, go straight into arrays; the few options beside them become a small tree.
 */
final class ModelJson {
    private final String file;
    private final ObjectNode options = JsonNodeFactory.instance.objectNode();
    private final Vocabulary.Builder vocabulary = new Vocabulary.Builder();
    /** Left and right of each merge, in turn; null where the model has none. */
    private @Nullable List<String> merges;
    /** By id; null where the vocabulary has no scores. */
    private double @Nullable [] scores;

    private ModelJson(String file) {
        this.file = file;
    }

    /** @param parser stands at the model's opening brace */
    static Model read(JsonParser parser, String file) {
        ModelJson json = new ModelJson(file);
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw Fields.fault(file, "model", "must be an object");
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            switch (name) {
                case "vocab" -> json.readVocabulary(parser);
                case "merges" -> json.readMerges(parser);
                default -> json.options.set(name, parser.<JsonNode>readValueAsTree());
            }
        }
        return json.model();
    }

    private void readVocabulary(JsonParser parser) {
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            readScoredVocabulary(parser);
            return;
        }
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw fault("'vocab' must be an object of ids or an array of pairs");
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String token = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
                throw fault("the id of token '" + token + "' is not a whole number");
            }
            add(token, parser.getIntValue());
        }
    }

    private void readScoredVocabulary(JsonParser parser) {
        double[] byId = new double[1024];
        int id = 0;
        while (parser.nextToken() == JsonToken.START_ARRAY) {
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw fault("'vocab[" + id + "]' must be a pair of token and score");
            }
            String token = parser.getString();
            if (!parser.nextToken().isNumeric()) {
                throw fault("the score of token '" + token + "' is not a number");
            }
            if (id == byId.length) {
                byId = Arrays.copyOf(byId, id * 2);
            }
            byId[id] = parser.getDoubleValue();
            add(token, id++);
            if (parser.nextToken() != JsonToken.END_ARRAY) {
                throw fault("'vocab[" + (id - 1) + "]' must be a pair of token and score");
            }
        }
        scores = Arrays.copyOf(byId, id);
    }

    private void add(String token, int id) {
        try {
            vocabulary.add(token, id);
        } catch (IllegalArgumentException e) {
            throw fault(String.valueOf(e.getMessage()));
        }
    }

    private void readMerges(JsonParser parser) {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw fault("'merges' must be an array");
        }
        List<String> pairs = new ArrayList<>(1 << 16);
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() == JsonToken.START_ARRAY) {
                for (int side = 0; side < 2; side++) {
                    if (parser.nextToken() != JsonToken.VALUE_STRING) {
                        throw badMerge(pairs.size() / 2);
                    }
                    pairs.add(parser.getString());
                }
                if (parser.nextToken() != JsonToken.END_ARRAY) {
                    throw badMerge(pairs.size() / 2 - 1);
                }
                continue;
            }
            String line = parser.currentToken() == JsonToken.VALUE_STRING ? parser.getString() : "";
            if (line.startsWith("#version")) {
                continue;
            }
            int space = line.indexOf(' ');
            if (space < 0 || line.indexOf(' ', space + 1) >= 0) {
                throw badMerge(pairs.size() / 2);
            }
            pairs.add(line.substring(0, space));
            pairs.add(line.substring(space + 1));
        }
        merges = pairs;
    }

    private Model model() {
        Fields json = new Fields(file, "model", options);
        String type = json.text("type", merges != null ? "BPE" : scores != null ? "Unigram" : guessedWordModel());
        Vocabulary words = vocabulary.build();
        return switch (type) {
            case "BPE" -> bpe(json, words);
            case "Unigram" -> unigram(json, words);
            case "WordPiece" ->
                new WordPiece(
                        words,
                        words.find(json.text("unk_token", "[UNK]")),
                        json.text("continuing_subword_prefix", "##"),
                        json.number("max_input_chars_per_word", 100));
            case "WordLevel" -> new WordLevel(words, words.find(json.text("unk_token", "<unk>")));
            default ->
                throw fault("unknown tokenizer model '" + type + "'; known are BPE, Unigram, WordPiece, WordLevel");
        };
    }

    private String guessedWordModel() {
        return options.has("continuing_subword_prefix") ? "WordPiece" : "WordLevel";
    }

    private Model unigram(Fields json, Vocabulary words) {
        if (scores == null) {
            throw fault("a Unigram vocabulary must be an array of pairs of token and score");
        }
        int unknown = json.number("unk_id", -1);
        if (unknown >= scores.length) {
            throw fault("'unk_id' is " + unknown + " and the vocabulary has " + scores.length + " tokens");
        }
        return new Unigram(words, scores, unknown, json.flag("byte_fallback", false));
    }

    private Model bpe(Fields json, Vocabulary words) {
        String unknown = json.textOrNull("unk_token");
        if (unknown != null && words.find(unknown) < 0) {
            unknown = null;
        }
        BpeOptions bpe = new BpeOptions(
                unknown,
                json.text("continuing_subword_prefix", ""),
                json.text("end_of_word_suffix", ""),
                json.flag("fuse_unk", false),
                json.flag("byte_fallback", false),
                json.flag("ignore_merges", false));
        return new Bpe(words, mergeTable(words, bpe.continuingPrefix()), bpe);
    }

    private MergeTable mergeTable(Vocabulary words, String prefix) {
        List<String> pairs = merges == null ? List.of() : merges;
        MergeTable table = new MergeTable(pairs.size() / 2);
        for (int rank = 0; rank < pairs.size() / 2; rank++) {
            String left = pairs.get(2 * rank);
            String right = pairs.get(2 * rank + 1);
            // A continuing piece loses its prefix when it is joined to what it continues.
            String merged = left + right.substring(Math.min(prefix.length(), right.length()));
            table.put(known(words, left, rank), known(words, right, rank), rank, known(words, merged, rank));
        }
        return table;
    }

    private int known(Vocabulary words, String token, int rank) {
        int id = words.find(token);
        if (id < 0) {
            throw fault("merge " + rank + " needs the token '" + token + "', which is not in the vocabulary");
        }
        return id;
    }

    private EngineFault badMerge(int rank) {
        return fault("merge " + rank + " is not a pair of two tokens");
    }

    private EngineFault fault(String why) {
        return Fields.fault(file, "model", why);
    }
}
