package espalier.text;

import espalier.base.Tokens;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The files that {@code src/test/tools/tokenizer_golden.py} wrote. */
final class GoldenFiles {
    private static final JsonMapper JSON = new JsonMapper();

    private GoldenFiles() {}

    static List<String> names() throws Exception {
        try (Stream<Path> files = Files.list(folder())) {
            return files.map(file -> file.getFileName().toString().replace(".json", ""))
                    .filter(name -> !name.equals("texts"))
                    .sorted()
                    .toList();
        }
    }

    static List<String> texts() throws Exception {
        return JSON.readTree(folder().resolve("texts.json").toFile())
                .valueStream()
                .map(JsonNode::stringValue)
                .toList();
    }

    static JsonNode golden(String name) throws Exception {
        return JSON.readTree(folder().resolve(name + ".json").toFile());
    }

    static Tokenizer tokenizer(String name) throws Exception {
        return Tokenizer.parse(golden(name).get("tokenizer").toString(), name);
    }

    static Tokens ids(JsonNode ids) {
        return Tokens.of(ids.valueStream().mapToInt(JsonNode::intValue).toArray());
    }

    private static Path folder() throws URISyntaxException {
        URL texts = Objects.requireNonNull(GoldenFiles.class.getResource("golden/texts.json"));
        return Objects.requireNonNull(Path.of(texts.toURI()).getParent());
    }
}
