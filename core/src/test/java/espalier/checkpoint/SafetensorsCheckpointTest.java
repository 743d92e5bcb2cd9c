package espalier.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.golden.GoldenModels;
import espalier.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.JsonNodeFactory;

class SafetensorsCheckpointTest {
    private static final int MUTATIONS = 4000;

    @TempDir
    Path folder;

    @Test
    void everyTypeReadsAsTheFloatsItStandsFor() {
        byte[] data = {0, 0, (byte) 0xC0, 0x3F, (byte) 0xC0, 0x3F, 0, 0x3E};
        String header = """
                {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},\
                "b":{"dtype":"BF16","shape":[1,1],"data_offsets":[4,6]},\
                "c":{"dtype":"F16","shape":[],"data_offsets":[6,8]}}""";
        try (Checkpoint checkpoint = open(SafetensorsWriter.bytes(header, data))) {
            assertThat(checkpoint.names()).containsExactly("a", "b", "c");
            assertThat(floats(checkpoint.tensor("a", 1))).containsExactly(1.5f);
            assertThat(floats(checkpoint.tensor("b", 1, 1))).containsExactly(1.5f);
            assertThat(floats(checkpoint.tensor("c"))).containsExactly(1.5f);
            assertThat(checkpoint.tensor("c").dtype()).isEqualTo(DType.F16);
        }
    }

    @Test
    void dataAfterAHeaderOfOddLengthIsReadAllTheSame() {
        String header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
        for (String padding : List.of("", " ", "  ", "   ")) {
            try (Checkpoint checkpoint = open(
                    SafetensorsWriter.bytes(header + padding, new byte[] {0, 0, (byte) 0x80, 0x3F, 0, 0, 0, 0x40}))) {
                assertThat(floats(checkpoint.tensor("x", 2))).containsExactly(1, 2);
            }
        }
    }

    @Test
    void whatIsAskedForWrongIsNamed() {
        Path file = SafetensorsWriter.vectors(folder.resolve("m.safetensors"), 3, "model.norm.weight");
        try (Checkpoint checkpoint = open(file)) {
            assertFault(() -> checkpoint.tensor("model.norm.wieght", 3), "'model.norm.wieght'")
                    .hasMessageContaining("did you mean 'model.norm.weight'?");
            assertFault(
                    () -> checkpoint.tensor("model.norm.weight", 3, 1), "has shape [3]; config.json asks for [3, 1]");
        }
    }

    @Test
    void aTypeThatIsNotSupportedIsAnErrorOnlyWhereItIsAskedFor() {
        String header = "{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}";
        try (Checkpoint checkpoint = open(SafetensorsWriter.bytes(header, new byte[2]))) {
            assertThat(checkpoint.names()).containsExactly("x");
            assertFault(() -> checkpoint.tensor("x", 2), "'x' is stored as F8_E4M3; supported are F32, F16 and BF16");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[1,2]                                                          | expected a JSON object",
                "{\"x\":3}                                                      | 'x' has no dtype",
                "{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}             | 'x' has no shape",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[2]}}                      | 'x' has no data_offsets",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}} | not a begin and an end",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}} | which are not sizes",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}} | do not match; the file is corrupt",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387906,2],\"data_offsets\":[0,8]}} | do not match",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}} | ends at byte",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}} | but the header ends at",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} | 4 bytes after tensor 'x' belong to no",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}| 'y' begins at byte",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}| Duplicate",
                "{\"x\":{\"dtype\":                                             | not valid JSON",
            })
    void aWrongHeaderIsOneClearMessage(String header, String message) {
        assertFault(() -> open(SafetensorsWriter.bytes(header, new byte[8])), message)
                .hasMessageContaining("m.safetensors");
    }

    @Test
    void aFileCutAnywhereSaysThatItIsTruncated() throws Exception {
        byte[] whole = java.nio.file.Files.readAllBytes(
                SafetensorsWriter.vectors(folder.resolve("whole.safetensors"), 3, "a", "b"));
        for (int size = 0; size < whole.length; size++) {
            byte[] cut = Arrays.copyOf(whole, size);
            assertFault(() -> open(cut), "truncated, download it again");
        }
    }

    @Test
    void somethingElseIsNotASafetensorsFile() {
        assertFault(() -> open("<!DOCTYPE html><html></html>".getBytes()), "not a safetensors file");
    }

    /** Whatever a file holds, opening it either fails clearly or gives tensors that lie in the file as it says. */
    @Test
    void randomDamageIsAFaultOrHarmless() throws Exception {
        byte[] good = java.nio.file.Files.readAllBytes(GoldenModels.root().resolve("rope-linear/logits.safetensors"));
        int headerEnd = 8 + (good[0] & 255) + 256 * (good[1] & 255);
        byte[] small = SafetensorsWriter.bytes(new String(good, 8, headerEnd - 8), new byte[good.length - headerEnd]);
        byte[][] starts = {
            java.nio.file.Files.readAllBytes(SafetensorsWriter.vectors(folder.resolve("s"), 3, "a", "b", "c")), small
        };
        int opened = 0;
        for (int seed = 0; seed < MUTATIONS; seed++) {
            byte[] damaged = damage(starts[seed % 50 == 0 ? 1 : 0], new java.util.Random(seed));
            Path path = SafetensorsWriter.write(folder.resolve("m.safetensors"), damaged);
            try (Arena arena = Arena.ofConfined()) {
                readAll(SafetensorsFile.open(path, arena), damaged);
                opened++;
            } catch (EngineFault fault) {
                assertThat(fault.code()).as("seed " + seed).isEqualTo(EngineFault.Code.CHECKPOINT);
                assertThat(fault.getMessage()).as("seed " + seed).contains("m.safetensors");
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        assertThat(opened).as("some damage is to the data or the names alone").isBetween(50, MUTATIONS - 50);
    }

    private static void readAll(SafetensorsFile file, byte[] bytes) {
        int start = 8 + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
        int read = start;
        for (String name : file.names()) {
            StoredTensor tensor = file.tensor(name);
            assertThat(tensor.size()).isEqualTo(Arrays.stream(tensor.shape()).reduce(1, Math::multiplyExact));
            floats(tensor);
            read += Math.toIntExact(tensor.data().byteSize());
        }
        assertThat(read).as("the tensors are the data").isEqualTo(bytes.length);
    }

    private static byte[] damage(byte[] good, RandomGenerator random) {
        byte[] bytes = good.clone();
        int headerBytes = Math.min(bytes.length, 300);
        for (int n = random.nextInt(1, 4); n > 0; n--) {
            int at = random.nextInt(random.nextBoolean() ? headerBytes : bytes.length);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt(256);
                case 2 -> bytes[at] = (byte) "0123456789[]{},:\"-".charAt(random.nextInt(18));
                case 3 -> {
                    int from = random.nextInt(headerBytes);
                    int length = Math.min(random.nextInt(1, 20), bytes.length - Math.max(at, from));
                    System.arraycopy(bytes, from, bytes, at, length);
                }
                default ->
                    bytes = random.nextInt(4) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length + 50)) : bytes;
            }
            headerBytes = Math.min(headerBytes, bytes.length);
            if (bytes.length == 0) {
                break;
            }
        }
        return bytes;
    }

    @Test
    void tensorsGoneWithTheCheckpointCannotBeRead() {
        Path file = SafetensorsWriter.vectors(folder.resolve("m.safetensors"), 3, "x");
        Checkpoint checkpoint = open(file);
        StoredTensor tensor = checkpoint.tensor("x", 3);
        checkpoint.close();
        assertThatThrownBy(() -> tensor.data().get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    private Checkpoint open(byte[] bytes) {
        return open(SafetensorsWriter.write(folder.resolve("m.safetensors"), bytes));
    }

    private static Checkpoint open(Path... files) {
        return SafetensorsCheckpoint.open(JsonNodeFactory.instance.objectNode(), List.of(files));
    }

    private static float[] floats(StoredTensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        tensor.copyTo(0, values);
        return values;
    }

    private static org.assertj.core.api.AbstractThrowableAssert<?, ?> assertFault(
            org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
        return assertThatThrownBy(call).isInstanceOf(EngineFault.class).hasMessageContaining(message);
    }
}
