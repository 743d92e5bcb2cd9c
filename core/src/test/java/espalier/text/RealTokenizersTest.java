package espalier.text;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.base.Tokens;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Tokenizers of real models over megabytes of text, where {@code -Despalier.tokenizers=} names a folder that
 * {@code src/test/tools/tokenizer_golden.py real} made.
 */
class RealTokenizersTest {
    private static final JsonMapper JSON = new JsonMapper();

    @Test
    void everyTextHasTheReferencesIds() throws Exception {
        @Nullable String folder = System.getProperty("espalier.tokenizers");
        if (folder == null) {
            System.out.println("No real tokenizers: name a folder of them with -Despalier.tokenizers=");
            return;
        }
        List<String> texts = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(folder, "texts.jsonl"))) {
            texts.add(JSON.readTree(line).stringValue());
        }
        List<Path> tokenizers;
        try (Stream<Path> files = Files.list(Path.of(folder))) {
            tokenizers = files.filter(Files::isDirectory).sorted().toList();
        }
        assertThat(tokenizers).hasSizeGreaterThan(8);
        for (Path one : tokenizers) {
            compare(one, texts);
        }
    }

    private static void compare(Path folder, List<String> texts) throws Exception {
        Tokenizer tokenizer = Tokenizer.parse(Files.readString(folder.resolve("tokenizer.json")), folder.toString());
        long tokens = 0;
        try (BufferedReader lines = Files.newBufferedReader(folder.resolve("expected.jsonl"))) {
            for (int i = 0; i < texts.size(); i++) {
                JsonNode golden = JSON.readTree(Objects.requireNonNull(lines.readLine(), "expected.jsonl ends early"));
                Tokens ids = GoldenFiles.ids(golden.get("ids"));
                String text = texts.get(i);
                String where = folder.getFileName() + ", text " + i;
                assertThat(tokenizer.encode(text)).as(where).isEqualTo(ids);
                assertThat(tokenizer.encodeWithSpecials(text))
                        .as(where)
                        .isEqualTo(golden.has("specials") ? GoldenFiles.ids(golden.get("specials")) : ids);
                assertThat(tokenizer.encodeOrdinary(text))
                        .as(where)
                        .isEqualTo(golden.has("ordinary") ? GoldenFiles.ids(golden.get("ordinary")) : ids);
                JsonNode skip = golden.get("skip");
                JsonNode keep = golden.has("keep") ? golden.get("keep") : skip;
                assertThat(tokenizer.decode(ids, Specials.SKIP)).as(where).isEqualTo(skip.stringValue());
                assertThat(tokenizer.decode(ids, Specials.KEEP)).as(where).isEqualTo(keep.stringValue());
                tokens += ids.size();
            }
        }
        System.out.printf(
                "%s: %d texts, %d tokens as the reference has them%n", folder.getFileName(), texts.size(), tokens);
    }
}
