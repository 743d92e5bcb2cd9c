package espalier.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.base.Tokens;
import espalier.text.TokenList.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A list gives the ids that the tokenizer.json gives from which it was made. */
class TokenListTest {
    private static final Path DEMO = Path.of(System.getProperty("espalier.root"), "models", "demo");

    @Test
    void byteLevelListsGiveTheIdsOfTheirJson() throws Exception {
        JsonNode json = new JsonMapper().readTree(Files.readAllBytes(DEMO.resolve("tokenizer.json")));
        List<String> tokens = tokens(json);
        Kind[] kinds = kinds(json, tokens.size());
        Tokenizer own = Tokenizer.of(new TokenList.ByteLevel("demo", tokens, kinds, merges(json), "qwen2"), 1, 2);
        Tokenizer original = Tokenizer.load(DEMO);
        for (String text : GoldenFiles.texts()) {
            String composed = java.text.Normalizer.normalize(text, java.text.Normalizer.Form.NFC);
            Tokens ids = original.encode(composed);
            assertThat(own.encode(text)).as(text).isEqualTo(ids);
            assertThat(own.decode(ids, Specials.KEEP)).as(text).isEqualTo(original.decode(ids, Specials.KEEP));
        }
        String chat = "<|im_start|>user\nHi there<tool_call> 1234<|im_end|>\n";
        assertThat(own.encode(chat)).isEqualTo(original.encode(chat));
        assertThat(own.isSpecial(1)).isTrue();
        assertThat(own.encodeWithSpecials("").toArray()).containsExactly(1, 2);
    }

    @Test
    void scoredListsGiveTheIdsOfTheirJson() throws Exception {
        JsonNode golden = GoldenFiles.golden("bpe-llama2");
        JsonNode json = golden.path("tokenizer");
        List<String> tokens = tokens(json);
        var scores = new double[tokens.size()];
        Arrays.fill(scores, -1e9);
        var ids = new HashMap<String, Integer>();
        for (int id = 0; id < tokens.size(); id++) {
            ids.put(tokens.get(id), id);
        }
        List<String> merges = merges(json);
        for (int rank = 0; rank < merges.size(); rank++) {
            int merged = ids.get(merges.get(rank).replace(" ", ""));
            scores[merged] = Math.max(scores[merged], -rank);
        }
        Tokenizer own =
                Tokenizer.of(new TokenList.Scored("llama2", tokens, kinds(json, tokens.size()), scores, true), 1, -1);
        List<String> texts = GoldenFiles.texts();
        for (int i = 0; i < texts.size(); i++) {
            if (texts.get(i).contains("token")) { // an added token with options that lists do not have
                continue;
            }
            JsonNode expected = golden.path("cases").path(i);
            Tokens want = GoldenFiles.ids(expected.path("specials"));
            assertThat(own.encodeWithSpecials(texts.get(i))).as(texts.get(i)).isEqualTo(want);
            assertThat(own.decode(want, Specials.SKIP))
                    .isEqualTo(expected.path("skip").asString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"default", "gpt-2", "smollm", "llama-bpe", "stablelm2", "gpt-4o", "tekken", "deepseek-llm"})
    void everyWayToTakeTextApartKeepsEveryCharacter(String words) throws Exception {
        JsonNode json = new JsonMapper().readTree(Files.readAllBytes(DEMO.resolve("tokenizer.json")));
        List<String> tokens = tokens(json);
        Tokenizer own = Tokenizer.of(
                new TokenList.ByteLevel("demo", tokens, kinds(json, tokens.size()), merges(json), words), -1, -1);
        for (String text : GoldenFiles.texts()) {
            assertThat(own.decode(own.encode(text), Specials.KEEP)).isEqualTo(text);
        }
    }

    @Test
    void digitsComeApartAsTheirNameSays() {
        List<String> tokens = List.of("1", "2", "3", "12", "123", "Ġ");
        List<String> merges = List.of("1 2", "12 3");
        assertThat(ids("gpt-2", tokens, merges)).containsExactly(4, 4);
        assertThat(ids("smollm", tokens, merges)).containsExactly(0, 1, 2, 0, 1, 2);
        assertThat(ids("llama-bpe", tokens, merges)).containsExactly(4, 4);
        assertThat(ids("qwen2", tokens, merges)).containsExactly(0, 1, 2, 0, 1, 2);
    }

    private static int[] ids(String words, List<String> tokens, List<String> merges) {
        var kinds = new Kind[tokens.size()];
        Arrays.fill(kinds, Kind.NORMAL);
        return Tokenizer.of(new TokenList.ByteLevel("t", tokens, kinds, merges, words), -1, -1)
                .encode("123123")
                .toArray();
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThatThrownBy(() -> ids("lama-bpe", List.of("a"), List.of()))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("'lama-bpe', is not supported; did you mean 'llama-bpe'?; supported are")
                .hasMessageContaining("--tokenizer-path");
        assertThatThrownBy(() -> ids("gpt-2", List.of("a", "b"), List.of("a b")))
                .hasMessageContaining("merge 0 needs the token 'ab', which is not in the list");
        assertThatThrownBy(() -> ids("gpt-2", List.of("a", "b"), List.of("ab")))
                .hasMessageContaining("merge 0 is 'ab', not a pair of two tokens");
    }

    private static List<String> tokens(JsonNode json) {
        var tokens = new ArrayList<String>();
        json.path("model").path("vocab").properties().forEach(e -> {
            while (tokens.size() <= e.getValue().asInt()) {
                tokens.add("");
            }
            tokens.set(e.getValue().asInt(), e.getKey());
        });
        for (JsonNode added : json.path("added_tokens")) {
            while (tokens.size() <= added.path("id").asInt()) {
                tokens.add("");
            }
            tokens.set(added.path("id").asInt(), added.path("content").asString());
        }
        return tokens;
    }

    private static Kind[] kinds(JsonNode json, int count) {
        var kinds = new Kind[count];
        Arrays.fill(kinds, Kind.NORMAL);
        for (JsonNode added : json.path("added_tokens")) {
            Kind kind = added.path("content").asString().equals("<unk>")
                    ? Kind.UNKNOWN
                    : added.path("special").asBoolean() ? Kind.CONTROL : Kind.USER_DEFINED;
            kinds[added.path("id").asInt()] = kind;
        }
        return kinds;
    }

    private static List<String> merges(JsonNode json) {
        return json.path("model")
                .path("merges")
                .valueStream()
                .map(m -> m.isArray() ? m.get(0).asString() + " " + m.get(1).asString() : m.asString())
                .toList();
    }
}
