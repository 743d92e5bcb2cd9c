package espalier.checkpoint;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Reads the JSON files of a checkpoint; every error names the file, and the line where there is one. */
final class JsonFile {
    /** As Python writes it: NaN and Infinity are numbers. A name twice in an object is an error, not a choice. */
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private JsonFile() {}

    /** The object in that file. */
    static ObjectNode object(Path file) {
        return object(file.toString(), bytes(file));
    }

    /** The object in these bytes of UTF-8, which errors call {@code where}. */
    static ObjectNode object(String where, byte[] bytes) {
        JsonNode node;
        try {
            node = JSON.readTree(bytes);
        } catch (JacksonException e) {
            throw fault(where + ": " + position(e) + "not valid JSON: " + e.getOriginalMessage());
        }
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw fault(
                where + ": expected a JSON object, found " + (node.isMissingNode() ? "nothing" : node.getNodeType()));
    }

    static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw fault(file + ": no such file");
        } catch (IOException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, file + ": cannot be read: " + e, e);
        }
    }

    static EngineFault fault(String message) {
        return new EngineFault(EngineFault.Code.CHECKPOINT, message);
    }

    private static String position(JacksonException e) {
        var at = e.getLocation();
        return at == null || at.getLineNr() < 1 ? "" : "line " + at.getLineNr() + ", column " + at.getColumnNr() + ": ";
    }
}
