package espalier.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes small safetensors files for tests, right ones and wrong ones. */
final class SafetensorsWriter {
    private SafetensorsWriter() {}

    /** Whatever header and data are given. */
    static byte[] bytes(String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Long.BYTES + text.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .put(data)
                .array();
    }

    static Path write(Path file, byte[] bytes) {
        try {
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One F32 vector for each name: its values are 1, 2, … */
    static Path vectors(Path file, int size, String... names) {
        StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        ByteBuffer data = ByteBuffer.allocate(names.length * size * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (String name : names) {
            int begin = data.position();
            for (int i = 1; i <= size; i++) {
                data.putFloat(i);
            }
            header.append(",\"%s\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[%d,%d]}"
                    .formatted(name, size, begin, data.position()));
        }
        return write(file, bytes(header.append('}').toString(), data.array()));
    }
}
