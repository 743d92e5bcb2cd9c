package espalier.text;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.base.Tokens;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Every kind of component against the ids and texts that the Hugging Face library gives. */
class TokenizerGoldenTest {
    static List<String> names() throws Exception {
        return GoldenFiles.names();
    }

    @Test
    void thereAreGoldenFilesForEveryKindOfModel() throws Exception {
        assertThat(names()).hasSizeGreaterThan(70);
    }

    @ParameterizedTest
    @MethodSource("names")
    void encodesAsTheReferenceDoes(String name) throws Exception {
        Tokenizer tokenizer = GoldenFiles.tokenizer(name);
        List<String> texts = GoldenFiles.texts();
        JsonNode cases = GoldenFiles.golden(name).get("cases");
        for (int i = 0; i < texts.size(); i++) {
            String text = texts.get(i);
            JsonNode golden = cases.get(i);
            Tokens ids = GoldenFiles.ids(golden.get("ids"));
            assertThat(tokenizer.encode(text)).as(text).isEqualTo(ids);
            assertThat(tokenizer.encode(text)).as("from the cache: " + text).isEqualTo(ids);
            assertThat(tokenizer.encodeWithSpecials(text))
                    .as("with specials: " + text)
                    .isEqualTo(golden.has("specials") ? GoldenFiles.ids(golden.get("specials")) : ids);
            assertThat(tokenizer.encodeOrdinary(text))
                    .as("ordinary: " + text)
                    .isEqualTo(golden.has("ordinary") ? GoldenFiles.ids(golden.get("ordinary")) : ids);
            decodes(tokenizer, ids, golden);
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void decodesIdsThatNoTextHasAsTheReferenceDoes(String name) throws Exception {
        Tokenizer tokenizer = GoldenFiles.tokenizer(name);
        for (JsonNode golden : GoldenFiles.golden(name).get("decodes")) {
            decodes(tokenizer, GoldenFiles.ids(golden.get("ids")), golden);
        }
    }

    private static void decodes(Tokenizer tokenizer, Tokens ids, JsonNode golden) {
        JsonNode skip = golden.get("skip");
        JsonNode keep = golden.has("keep") ? golden.get("keep") : skip;
        // Null where the reference itself fails.
        if (!skip.isNull()) {
            assertThat(tokenizer.decode(ids, Specials.SKIP)).as("skip " + ids).isEqualTo(skip.stringValue());
        }
        if (!keep.isNull()) {
            assertThat(tokenizer.decode(ids, Specials.KEEP)).as("keep " + ids).isEqualTo(keep.stringValue());
        }
    }
}
