package espalier.golden;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checkpoints of {@code models/reference/} with the logits that the transformers library computes from them; the
 * README there says what each is about. It reads the logits by itself, so that the code under test cannot hide a fault.
 */
public final class GoldenModels {
    /** How far logits may be, of the greatest of a row: activations have 8 significant bits in bf16, 24 in the reference. */
    public static final double OF_BF16 = 5e-2;

    /** Rows agree when max |difference| / max |reference| over each is below this. */
    public static final double TOLERANCE = 1e-4;

    private static final JsonMapper JSON = new JsonMapper();

    private GoldenModels() {}

    /**
     * One folder.
     *
     * @param contextLength what {@code --context-length} is to be; 0 where the model's own limit holds
     */
    public record Golden(Path folder, String about, int contextLength, List<Input> inputs) {
        public String name() {
            return folder.getFileName().toString();
        }

        @Override
        public String toString() {
            return name();
        }
    }

    /** Token ids and a row of expected logits for each. */
    public record Input(int[] ids, float[][] logits) {}

    public static Path root() {
        return Path.of(System.getProperty("espalier.root", "..")).resolve("models/reference");
    }

    /** Every folder, by name. */
    public static List<Golden> all() {
        try (var folders = Files.list(root())) {
            return folders.filter(folder -> Files.exists(folder.resolve("config.json")))
                    .sorted()
                    .map(GoldenModels::read)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The folder of that name. */
    public static Golden named(String name) {
        return read(root().resolve(name));
    }

    /** The largest of max |difference| / max |reference| over the rows; a NaN counts as infinite. */
    public static double distance(float[][] actual, float[][] expected) {
        if (actual.length != expected.length) {
            throw new IllegalArgumentException(actual.length + " rows, " + expected.length + " expected");
        }
        double worst = 0;
        for (int row = 0; row < expected.length; row++) {
            worst = Math.max(worst, distance(actual[row], expected[row]));
        }
        return worst;
    }

    /** max |difference| / max |reference|; a NaN counts as infinite. */
    public static double distance(float[] actual, float[] expected) {
        if (actual.length != expected.length) {
            throw new IllegalArgumentException(actual.length + " logits, " + expected.length + " expected");
        }
        double difference = 0;
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            double d = Math.abs((double) actual[i] - expected[i]);
            difference = Math.max(difference, Double.isNaN(d) ? Double.POSITIVE_INFINITY : d);
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        return difference / largest;
    }

    private static Golden read(Path folder) {
        try {
            JsonNode about = JSON.readTree(Files.readAllBytes(folder.resolve("case.json")));
            return new Golden(
                    folder,
                    about.path("about").asString(),
                    about.path("context_length").asInt(0),
                    inputs(folder.resolve("logits.safetensors")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Input> inputs(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int headerBytes = Math.toIntExact(bytes.getLong());
        JsonNode header = JSON.readTree(new String(bytes.array(), Long.BYTES, headerBytes, StandardCharsets.UTF_8));
        int start = Long.BYTES + headerBytes;
        List<Input> inputs = new ArrayList<>();
        for (int i = 0; header.has("input_ids." + i); i++) {
            JsonNode logits = header.path("logits." + i);
            int rows = logits.path("shape").get(0).asInt();
            int columns = logits.path("shape").get(1).asInt();
            int[] ids = new int[rows];
            bytes.position(start + offset(header.path("input_ids." + i)))
                    .asIntBuffer()
                    .get(ids);
            var values = bytes.position(start + offset(logits)).asFloatBuffer();
            float[][] expected = new float[rows][columns];
            for (float[] row : expected) {
                values.get(row);
            }
            inputs.add(new Input(ids, expected));
        }
        return inputs;
    }

    private static int offset(JsonNode entry) {
        return entry.path("data_offsets").get(0).asInt();
    }
}
