package espalier.checkpoint.gguf;

import espalier.text.TokenList;
import espalier.text.Tokenizer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tokenizer in a file's metadata. */
final class GgufTokenizer {
    private static final String KEY = "tokenizer.ggml.";

    private GgufTokenizer() {}

    static Tokenizer of(GgufMetadata m) {
        List<String> tokens = m.texts(KEY + "tokens").toList();
        String model = m.text(KEY + "model");
        TokenList list = switch (model) {
            case "gpt2" ->
                new TokenList.ByteLevel(
                        m.file(),
                        tokens,
                        kinds(m, tokens.size()),
                        m.texts(KEY + "merges").toList(),
                        m.text(KEY + "pre", "default"));
            case "llama" ->
                new TokenList.Scored(
                        m.file(),
                        tokens,
                        kinds(m, tokens.size()),
                        scores(m, tokens.size()),
                        m.flag(KEY + "add_space_prefix", true));
            default ->
                throw m.fault(
                        KEY + "model",
                        "is '" + model + "', which is not supported; supported are gpt2 and llama. Name the original"
                                + " model's tokenizer with --tokenizer-path");
        };
        boolean bos = m.flag(KEY + "add_bos_token", list.beginsWithBos());
        boolean eos = m.flag(KEY + "add_eos_token", false);
        return Tokenizer.of(list, bos ? id(m, "bos") : -1, eos ? id(m, "eos") : -1);
    }

    private static int id(GgufMetadata m, String name) {
        int id = m.id(KEY + name + "_token_id");
        int tokens = m.texts(KEY + "tokens").size();
        if (id >= tokens) {
            throw m.fault(KEY + name + "_token_id", "is " + id + ", but there are " + tokens + " tokens");
        }
        return id;
    }

    static Map<String, String> specials(GgufMetadata m) {
        Map<String, String> specials = new LinkedHashMap<>();
        if (m.has(KEY + "tokens")) {
            GgufTexts tokens = m.texts(KEY + "tokens");
            Map.of("bos", "bos_token", "eos", "eos_token", "unknown", "unk_token", "padding", "pad_token")
                    .forEach((name, variable) -> {
                        int id = id(m, name);
                        if (id >= 0) {
                            specials.put(variable, tokens.get(id));
                        }
                    });
        }
        return specials;
    }

    /** The ids of those texts that are control tokens. */
    static List<Integer> controls(GgufMetadata m, List<String> texts) {
        GgufTexts tokens = m.texts(KEY + "tokens");
        TokenList.Kind[] kinds = kinds(m, tokens.size());
        var wanted = new HashSet<>(texts);
        var ids = new ArrayList<Integer>();
        for (int id = 0; id < tokens.size(); id++) {
            if (kinds[id] == TokenList.Kind.CONTROL && wanted.contains(tokens.get(id))) {
                ids.add(id);
            }
        }
        return ids;
    }

    private static TokenList.Kind[] kinds(GgufMetadata m, int count) {
        var kinds = new TokenList.Kind[count];
        java.util.Arrays.fill(kinds, TokenList.Kind.NORMAL);
        if (m.has(KEY + "token_type")) {
            double[] types = sized(m, "token_type", count);
            for (int i = 0; i < count; i++) {
                kinds[i] = switch ((int) types[i]) {
                    case 2 -> TokenList.Kind.UNKNOWN;
                    case 3 -> TokenList.Kind.CONTROL;
                    case 4 -> TokenList.Kind.USER_DEFINED;
                    default -> TokenList.Kind.NORMAL;
                };
            }
        }
        return kinds;
    }

    private static double[] scores(GgufMetadata m, int count) {
        return sized(m, "scores", count);
    }

    private static double[] sized(GgufMetadata m, String leaf, int count) {
        double[] numbers = m.numbers(KEY + leaf);
        if (numbers.length != count) {
            throw m.fault(
                    KEY + leaf, "has " + numbers.length + " entries for " + count + " tokens; the file is corrupt");
        }
        return numbers;
    }
}
