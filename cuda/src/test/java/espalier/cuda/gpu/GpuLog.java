package espalier.cuda.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;

/** Where measures go: a line of JSON each, as soon as it is known, into {@code engine.jsonl} of a folder. */
final class GpuLog {
    private final ObjectMapper json = new ObjectMapper();
    private final Path folder;

    GpuLog(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
    }

    Path folder() {
        return folder;
    }

    void tell(String stage, String measure, Object value, String unit) {
        write(line(stage, measure, value, unit));
    }

    /** A measure that is right or wrong; a wrong one makes the whole script fail. */
    void judge(String stage, String measure, Object value, boolean right) {
        LinkedHashMap<String, Object> line = line(stage, measure, value, "");
        line.put("right", right);
        write(line);
    }

    private static LinkedHashMap<String, Object> line(String stage, String measure, Object value, String unit) {
        var line = new LinkedHashMap<String, Object>();
        line.put("stage", stage);
        line.put("measure", measure);
        line.put("value", value);
        line.put("unit", unit);
        return line;
    }

    private void write(Map<String, Object> line) {
        try {
            String text = json.writeValueAsString(line);
            System.out.println(text);
            Files.writeString(
                    folder.resolve("engine.jsonl"), text + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
