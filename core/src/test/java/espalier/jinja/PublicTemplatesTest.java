package espalier.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Chat templates of public models against what Python's jinja2 makes of them, byte for byte, refusals included. */
class PublicTemplatesTest {
    /** The day on which the expected texts were made. */
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-23T12:00:00Z"), ZoneOffset.UTC);

    private static final JsonMapper JSON = JsonMapper.builder().build();

    @Test
    void rendersEveryPublicTemplateAsPythonDoes() throws IOException {
        Path folder = Path.of(System.getProperty("espalier.shared", "")).resolve("data/chat-templates");
        if (!Files.isDirectory(folder)) {
            System.out.println("no chat templates in " + folder + ": not compared");
            return;
        }
        JsonNode conversations = JSON.readTree(Files.readString(folder.resolve("conversations.json")));
        Map<String, Template> templates = new HashMap<>();
        List<String> differences = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve("expected.jsonl"))) {
            JsonNode expected = JSON.readTree(line);
            String name = expected.get("template").asString();
            Template template = templates.computeIfAbsent(
                    name, file -> Template.compile(read(folder.resolve(file)), Map.of(), CLOCK));
            String conversation = expected.get("conversation").asString();
            String difference = difference(template, conversations.get(conversation), expected);
            if (difference != null) {
                differences.add(name + " " + conversation + ": " + difference);
            }
        }
        assertThat(differences).isEmpty();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static String difference(Template template, JsonNode conversation, JsonNode expected) {
        Map<?, ?> variables = JSON.convertValue(conversation, Map.class);
        Map<String, Object> named = new HashMap<>();
        variables.forEach((key, value) -> named.put((String) key, value));
        boolean ok = expected.get("ok").asBoolean();
        try {
            String rendered = template.render(named);
            if (!ok) {
                return "should have failed with " + expected.get("error").asString();
            }
            String wanted = expected.get("rendered").asString();
            return rendered.equals(wanted) ? null : at(rendered, wanted);
        } catch (TemplateException e) {
            if (ok) {
                return e.toString();
            }
            String reason = expected.get("error").asString();
            boolean raised = reason.startsWith("TemplateError: ");
            boolean same =
                    !raised || e.kind() == TemplateException.Kind.RAISED && reason.endsWith(": " + e.getMessage());
            return same ? null : "failed with " + e + " instead of " + reason;
        }
    }

    private static String at(String rendered, String wanted) {
        int i = 0;
        while (i < rendered.length() && i < wanted.length() && rendered.charAt(i) == wanted.charAt(i)) {
            i++;
        }
        return "differs at " + i + ": got <" + around(rendered, i) + "> wanted <" + around(wanted, i) + ">";
    }

    private static String around(String text, int at) {
        return text.substring(Math.max(0, at - 20), Math.min(text.length(), at + 30));
    }
}
