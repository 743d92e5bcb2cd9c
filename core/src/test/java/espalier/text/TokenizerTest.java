package espalier.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.base.Tokens;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class TokenizerTest {
    private static final String WORDS = """
            {"added_tokens": [{"id": 2, "content": "<s>", "special": true, "normalized": false}],
             "pre_tokenizer": {"type": "WhitespaceSplit"},
             "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "<s>": 2, "</s>": 3}, "unk_token": "[UNK]"}}
            """;

    @Test
    void theDemoModelsTokenizerRoundTrips() throws Exception {
        Path folder = Path.of(System.getProperty("espalier.shared", "../shared"), "data", "demo-model");
        if (!Files.exists(folder)) {
            System.out.println("No demo model at " + folder + ": its tokenizer is not tested.");
            return;
        }
        Tokenizer tokenizer = Tokenizer.load(folder);
        assertThat(tokenizer.vocabSize()).isEqualTo(2048);
        for (String text : GoldenFiles.texts()) {
            assertThat(tokenizer.decode(tokenizer.encode(text), Specials.KEEP)).isEqualTo(text);
        }
        Tokens chat = tokenizer.encode("<|im_start|>user\nHi<|im_end|>");
        assertThat(chat.get(0)).isEqualTo(1);
        assertThat(chat.get(chat.size() - 1)).isEqualTo(2);
        assertThat(tokenizer.isSpecial(1)).isTrue();
        assertThat(tokenizer.isSpecial(3)).isFalse();
        assertThat(tokenizer.token(3)).isEqualTo("<tool_call>");
        assertThat(tokenizer.decode(chat, Specials.SKIP)).isEqualTo("user\nHi");
        assertThat(tokenizer.encodeOrdinary("<|im_end|>").stream()).doesNotContain(2);
    }

    @Test
    void idsOutsideTheVocabularyAreNothing() {
        Tokenizer tokenizer = Tokenizer.parse(WORDS, "words");
        assertThat(tokenizer.vocabSize()).isEqualTo(4);
        assertThat(tokenizer.id("a")).hasValue(1);
        assertThat(tokenizer.id("b")).isEmpty();
        for (int id : new int[] {-1, 4, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            assertThat(tokenizer.token(id)).isEmpty();
            assertThat(tokenizer.bytes(id)).isEmpty();
            assertThat(tokenizer.isSpecial(id)).isFalse();
            assertThat(tokenizer.decode(Tokens.of(1, id, 1), Specials.KEEP)).isEqualTo("a a");
        }
    }

    @Test
    void loneSurrogatesAreReplacementCharacters() throws Exception {
        Tokenizer tokenizer = GoldenFiles.tokenizer("bpe-gpt2");
        assertThat(tokenizer.encode("a\uD800b\uDC00")).isEqualTo(tokenizer.encode("a\uFFFDb\uFFFD"));
    }

    @Test
    void manyThreadsGetTheIdsThatOneGets() throws Exception {
        Tokenizer shared = GoldenFiles.tokenizer("bpe-o200k");
        Tokenizer alone = GoldenFiles.tokenizer("bpe-o200k");
        List<String> texts = GoldenFiles.texts();
        List<Tokens> expected = texts.stream().map(alone::encode).toList();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<List<Tokens>>> all = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                all.add(threads.submit(() -> texts.stream().map(shared::encode).toList()));
            }
            for (Future<List<Tokens>> one : all) {
                assertThat(one.get()).isEqualTo(expected);
            }
        }
    }

    /** A quadratic step or a recursion in any of them would not come back. */
    @ParameterizedTest
    @CsvSource({
        "bpe-llama3",
        "bpe-o200k",
        "bpe-qwen2",
        "bpe-deepseek",
        "bpe-llama2",
        "bpe-gemma",
        "unigram-charsmap",
        "unigram-nmt",
        "wordpiece-uncased"
    })
    void hostileTextsTakeTimeInProportionToTheirLength(String name) throws Exception {
        Tokenizer tokenizer = GoldenFiles.tokenizer(name);
        int size = 150_000;
        for (String part :
                List.of("a", "Z", " ", "\n", "\u0301", "\u0301\u0323", "\uD83D\uDE00", "'", "<", "ab ", "\u4E2D")) {
            Tokens ids = tokenizer.encode(part.repeat(size / part.length()));
            assertThat(ids.size()).isLessThanOrEqualTo(4 * size + 1);
            assertThat(tokenizer.decode(ids, Specials.KEEP).length()).isLessThanOrEqualTo(6 * size);
        }
    }

    /** Long runs of marks take another way through normalization; it must lead to the same place. */
    @Test
    void longRunsOfMarksAreNormalizedAsShortOnes() {
        int[] marks = {0x301, 0x323, 0x345, 0x334, 0x344, 0xF73, 0x3099, 0xFF9E, 0x5B0, 0x1D165, 0x93E, 0x20DD, 0x327};
        Random random = new Random(3);
        for (int round = 0; round < 200; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 150; i++) {
                int c = random.nextInt(40) == 0
                        ? "ae\u00E9\u304B".charAt(random.nextInt(4))
                        : marks[random.nextInt(marks.length)];
                text.appendCodePoint(c);
            }
            for (Normalizer.Form form : Normalizer.Form.values()) {
                assertThat(CombiningRuns.normalize(text.toString(), form))
                        .as("seed 3, round %s, %s", round, form)
                        .isEqualTo(Normalizer.normalize(text, form));
            }
        }
    }

    @Test
    void patternsThatRecurseDoNotOverflowTheStack() {
        String json = WORDS.replace(
                "{\"type\": \"WhitespaceSplit\"}",
                "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"(?:a|b)*c\"}, \"behavior\": \"Isolated\", \"invert\": false}");
        Tokenizer tokenizer = Tokenizer.parse(json, "words");
        assertThat(tokenizer.encode("ab".repeat(50_000) + "c").toArray()).containsExactly(0);
    }

    @Test
    void mergesMayBeLinesOrPairs() throws Exception {
        JsonNode pairs = GoldenFiles.golden("bpe-gpt2").get("tokenizer");
        ObjectNode lines = (ObjectNode) pairs.deepCopy();
        List<String> merges = pairs.get("model")
                .get("merges")
                .valueStream()
                .map(pair -> pair.get(0).stringValue() + " " + pair.get(1).stringValue())
                .toList();
        ((ObjectNode) lines.get("model")).putPOJO("merges", merges);
        Tokenizer asLines = Tokenizer.parse(new JsonMapper().writeValueAsString(lines), "lines");
        Tokenizer asPairs = Tokenizer.parse(pairs.toString(), "pairs");
        for (String text : GoldenFiles.texts()) {
            assertThat(asLines.encode(text)).isEqualTo(asPairs.encode(text));
        }
    }

    @Test
    void theFilesBesideAddTokensAndBeginnings(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("tokenizer.json"), WORDS);
        assertThat(Tokenizer.load(folder).encodeWithSpecials("a").toArray()).containsExactly(1);

        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": true}, "add_bos_token": true, "add_eos_token": true,
                 "added_tokens_decoder": {"4": {"content": "<x>", "special": false, "normalized": false}},
                 "additional_special_tokens": ["<y>"]}
                """);
        Tokenizer tokenizer = Tokenizer.load(folder);
        assertThat(tokenizer.encodeWithSpecials("a <x>a<y> </s>").toArray()).containsExactly(2, 1, 4, 1, 5, 3, 3);
        assertThat(tokenizer.isSpecial(3)).isTrue();
        assertThat(tokenizer.isSpecial(4)).isFalse();
        assertThat(tokenizer.isSpecial(5)).isTrue();
        assertThat(tokenizer.vocabSize()).isEqualTo(6);

        Files.delete(folder.resolve("tokenizer_config.json"));
        Files.writeString(folder.resolve("added_tokens.json"), "{\"<late>\": 9, \"<early>\": 8}");
        Files.writeString(folder.resolve("special_tokens_map.json"), "{\"pad_token\": \"<late>\"}");
        tokenizer = Tokenizer.load(folder);
        assertThat(tokenizer.encode("<early><late>").toArray()).containsExactly(4, 5);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{                                                                    | not valid JSON",
                "[1]                                                                  | must be a JSON object",
                "{}                                                                   | 'model' is missing",
                "{\"model\": {\"type\": \"Markov\", \"vocab\": {}}}                       | unknown tokenizer model 'Markov'; known are BPE",
                "{\"model\": {\"vocab\": {\"a\": -1}}}                                   | token 'a' has id -1",
                "{\"model\": {\"vocab\": {\"a\": 99999999}}}                             | token 'a' has id 99999999",
                "{\"model\": {\"vocab\": {\"a\": \"b\"}}}                                | the id of token 'a' is not a whole number",
                "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}              | merge 0 needs the token 'b'",
                "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [\"ab\"]}}               | merge 0 is not a pair",
                "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [[\"a\"]]}}              | merge 0 is not a pair",
                "{\"model\": {\"vocab\": [[\"a\", 0.5]], \"unk_id\": 3}}                 | 'unk_id' is 3",
                "{\"model\": {\"vocab\": [[\"a\", \"b\"]]}}                             | the score of token 'a'",
                "{\"normalizer\": {\"type\": \"Nfc\"}}                                 | unknown normalizer 'Nfc'; known are NFC",
                "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}} | 'precompiled_charsmap' is damaged",
                "{\"pre_tokenizer\": {\"type\": \"Split\", \"behavior\": \"Isolated\"}}    | 'pattern' is missing",
                "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, \"behavior\": \"Isolated\"}} | a group is not closed",
                "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\\\\Kb\"}, \"behavior\": \"Isolated\"}} | \\K is not supported",
                "{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Bytes\"}]}} | pre_tokenizer.pretokenizers[0]: unknown pre-tokenizer 'Bytes'",
                "{\"decoder\": {\"type\": 5}}                                        | 'type' must be a string",
                "{\"decoder\": {\"type\": \"Strip\", \"content\": \"ab\"}}               | 'content' must be one character",
                "{\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"a\"]}}  | must be a pair of token and id",
                "{\"added_tokens\": {}}                                              | must be an array",
            })
    void aFaultyFileIsNamedWithItsFault(String json, String fault) {
        assertThatThrownBy(() -> Tokenizer.parse(json, "some/tokenizer.json"))
                .isInstanceOfSatisfying(
                        EngineFault.class, e -> assertThat(e.code()).isEqualTo(EngineFault.Code.CHECKPOINT))
                .hasMessageStartingWith("some/tokenizer.json: ")
                .hasMessageContaining(fault);
    }

    @Test
    void aMissingFileIsNamed(@TempDir Path folder) {
        assertThatThrownBy(() -> Tokenizer.load(folder))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining(
                        Objects.requireNonNull(folder.resolve("tokenizer.json").toString()))
                .hasMessageContaining("no such file");
    }
}
