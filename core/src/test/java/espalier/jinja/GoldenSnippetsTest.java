package espalier.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Small templates against what Python's jinja2 makes of them; where that raises, we throw. See tools/jinja_golden.py
 * and tools/jinja_random.py. */
class GoldenSnippetsTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Clock CLOCK =
            Clock.fixed(LocalDateTime.of(2026, 3, 5, 14, 7, 9, 12_345_000).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);

    @Test
    void everySnippetRendersAsInPython() throws IOException {
        compare("snippets.jsonl");
    }

    @Test
    void everyRandomTemplateRendersAsInPython() throws IOException {
        compare("random.jsonl");
    }

    private static void compare(String file) throws IOException {
        List<String> lines = lines(file);
        @SuppressWarnings("unchecked")
        Map<String, Object> variables =
                JSON.convertValue(JSON.readTree(lines.getFirst()).get("variables"), Map.class);
        List<String> differences = new ArrayList<>();
        for (String line : lines.subList(1, lines.size())) {
            JsonNode row = JSON.readTree(line);
            String template = row.get("template").asString();
            String expected =
                    row.has("error") ? "error" : "<" + row.get("rendered").asString() + ">";
            String actual;
            try {
                actual = "<" + Template.compile(template, Map.of(), CLOCK).render(variables) + ">";
            } catch (TemplateException e) {
                actual = row.has("error") ? "error" : e.toString();
            }
            if (!actual.equals(expected)) {
                differences.add(template + "\n   expected "
                        + (row.has("error") ? row.get("error").asString() : expected) + "\n   but was  " + actual);
            }
        }
        assertThat(differences).isEmpty();
    }

    private static List<String> lines(String file) throws IOException {
        try (InputStream in = GoldenSnippetsTest.class.getResourceAsStream("/espalier/jinja/" + file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }
}
