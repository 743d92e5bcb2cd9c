package espalier.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.base.Tokens;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Decoding id by id, for every kind of decoder. */
class DetokenizerTest {
    static List<String> names() throws Exception {
        return GoldenFiles.names();
    }

    /** The expected text is the reference's, so this holds the stream to it and not to our own decoding. */
    @ParameterizedTest
    @MethodSource("names")
    void thePiecesJoinToTheReferencesTextAndSplitNoCharacter(String name) throws Exception {
        Tokenizer tokenizer = GoldenFiles.tokenizer(name);
        JsonNode golden = GoldenFiles.golden(name);
        List<JsonNode> all = new ArrayList<>();
        golden.get("cases").forEach(all::add);
        golden.get("decodes").forEach(all::add);
        for (JsonNode one : all) {
            Tokens ids = GoldenFiles.ids(one.get("ids"));
            JsonNode skip = one.get("skip");
            JsonNode keep = one.has("keep") ? one.get("keep") : skip;
            if (!skip.isNull()) {
                assertThat(streamed(tokenizer, ids, Specials.SKIP)).isEqualTo(skip.stringValue());
            }
            if (!keep.isNull()) {
                assertThat(streamed(tokenizer, ids, Specials.KEEP)).isEqualTo(keep.stringValue());
            }
        }
    }

    /** Where a sequence is cut makes no difference to what its first part has given by then. */
    @ParameterizedTest
    @MethodSource("names")
    void whatHasBeenGivenIsABeginningOfTheWhole(String name) throws Exception {
        Tokenizer tokenizer = GoldenFiles.tokenizer(name);
        Random random = new Random(11);
        for (int round = 0; round < 20; round++) {
            int[] ids = random.ints(1 + random.nextInt(16), 0, tokenizer.vocabSize())
                    .toArray();
            String whole = tokenizer.decode(Tokens.of(ids), Specials.KEEP);
            for (int cut = 0; cut <= ids.length; cut++) {
                Detokenizer detokenizer = tokenizer.detokenizer(Specials.KEEP);
                StringBuilder begun = new StringBuilder();
                for (int i = 0; i < cut; i++) {
                    begun.append(detokenizer.append(ids[i]));
                }
                assertThat(whole).as("seed 11, round %s, cut %s", round, cut).startsWith(begun.toString());
                for (int i = cut; i < ids.length; i++) {
                    begun.append(detokenizer.append(ids[i]));
                }
                assertThat(begun.append(detokenizer.finish())).hasToString(whole);
            }
        }
    }

    @Test
    void bytesBecomeCharactersAsSoonAsTheyAreComplete() throws Exception {
        Tokenizer tokenizer = GoldenFiles.tokenizer("bpe-gpt2");
        Detokenizer detokenizer = tokenizer.detokenizer(Specials.SKIP);
        List<String> pieces = new ArrayList<>();
        for (byte b : "\u00E9\uD83D\uDE00".getBytes(StandardCharsets.UTF_8)) {
            String token = Character.toString(ByteAlphabet.character(b & 0xFF));
            pieces.add(detokenizer.append(tokenizer.id(token).orElseThrow()));
        }
        assertThat(pieces).containsExactly("", "\u00E9", "", "", "", "\uD83D\uDE00");
        assertThat(detokenizer.finish()).isEmpty();
    }

    /** Tables 3-8 to 3-11 of the Unicode standard, with the bytes cut everywhere. */
    @ParameterizedTest
    @CsvSource({
        "C0AFE080BFF0818241, ????????A",
        "EDA080EDBFBFEDAF41, ????????A",
        "F4919293FF4180BF42, ?????A??B",
        "E180E2F09192F1BF41, ????A",
        "41F09F98, A?",
        "C3A9E282ACF09F9880, \u00E9\u20AC\uD83D\uDE00"
    })
    void invalidBytesAreReplacedByMaximalSubparts(String hex, String expected) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        for (int cut = 0; cut <= bytes.length; cut++) {
            StringBuilder out = new StringBuilder();
            Utf8Stream stream = new Utf8Stream(out);
            stream.accept(Arrays.copyOf(bytes, cut));
            stream.accept(Arrays.copyOfRange(bytes, cut, bytes.length));
            stream.finish();
            assertThat(out).hasToString(expected.replace('?', '\uFFFD'));
        }
    }

    @Test
    void aFinishedDetokenizerTakesNoMore() throws Exception {
        Detokenizer detokenizer = GoldenFiles.tokenizer("bpe-gpt2").detokenizer(Specials.SKIP);
        detokenizer.finish();
        assertThat(detokenizer.finish()).isEmpty();
        assertThatThrownBy(() -> detokenizer.append(1)).isInstanceOf(IllegalStateException.class);
    }

    /** What an id contributes, joined over a sequence, is the text's bytes but for what happens at the ends. */
    @Test
    void theBytesOfIdsJoinToTheText() throws Exception {
        for (String name : List.of("bpe-gpt2", "bpe-llama3", "bpe-gemma", "wordpiece-cased", "unigram", "bpe-llama2")) {
            Tokenizer tokenizer = GoldenFiles.tokenizer(name);
            for (String text : GoldenFiles.texts()) {
                Tokens ids = tokenizer.encodeOrdinary(text);
                StringBuilder joined = new StringBuilder();
                Utf8Stream stream = new Utf8Stream(joined);
                ids.stream().forEach(id -> stream.accept(tokenizer.bytes(id)));
                stream.finish();
                String decoded = tokenizer.decode(ids, Specials.KEEP);
                assertThat(joined.toString().strip()).as("%s: %s", name, text).isEqualTo(decoded.strip());
            }
        }
    }

    private static String streamed(Tokenizer tokenizer, Tokens ids, Specials specials) {
        Detokenizer detokenizer = tokenizer.detokenizer(specials);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i <= ids.size(); i++) {
            String piece = i < ids.size() ? detokenizer.append(ids.get(i)) : detokenizer.finish();
            assertThat(piece.isEmpty() || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)))
                    .isTrue();
            assertThat(piece.isEmpty() || !Character.isLowSurrogate(piece.charAt(0)))
                    .isTrue();
            text.append(piece);
        }
        return text.toString();
    }
}
