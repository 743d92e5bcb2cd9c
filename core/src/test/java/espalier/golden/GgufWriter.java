package espalier.golden;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes small GGUF files for tests, right ones and wrong ones. */
public final class GgufWriter {
    private static final int ALIGN = 32;

    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final List<Tensor> tensors = new ArrayList<>();
    private int version = 3;

    public GgufWriter() {}

    private record Tensor(String name, int type, long[] shape, byte[] data) {}

    public GgufWriter version(int other) {
        version = other;
        return this;
    }

    /** An Integer, Long, Float, Double, Boolean, String, float[], int[] or list of strings. */
    public GgufWriter with(String key, Object value) {
        metadata.put(key, value);
        return this;
    }

    /** All that another has. */
    public GgufWriter with(GgufWriter other) {
        metadata.putAll(other.metadata);
        tensors.addAll(other.tensors);
        return this;
    }

    public GgufWriter without(String key) {
        metadata.remove(key);
        return this;
    }

    /** @param shape outermost dimension first */
    public GgufWriter tensor(String name, int type, long[] shape, byte[] data) {
        tensors.add(new Tensor(name, type, shape, data));
        return this;
    }

    public GgufWriter floats(String name, long[] shape, float... values) {
        var data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        data.asFloatBuffer().put(values);
        return tensor(name, 0, shape, data.array());
    }

    /** The same tensors dealt out over several files, as llama.cpp's gguf-split does. */
    public GgufWriter[] shards(int count) {
        var shards = new GgufWriter[count];
        for (int i = 0; i < count; i++) {
            shards[i] = new GgufWriter();
            if (i == 0) {
                shards[i].metadata.putAll(metadata);
            }
            shards[i].with("split.no", i).with("split.count", count).with("split.tensors.count", tensors.size());
        }
        for (int i = 0; i < tensors.size(); i++) {
            shards[i * count / tensors.size()].tensors.add(tensors.get(i));
        }
        return shards;
    }

    public Path write(Path file) {
        try {
            return Files.write(file, bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public byte[] bytes() {
        long dataBytes = tensors.stream().mapToLong(t -> padded(t.data.length)).sum();
        var out = ByteBuffer.allocate(Math.toIntExact(4_000_000 + dataBytes)).order(ByteOrder.LITTLE_ENDIAN);
        out.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(version);
        out.putLong(tensors.size()).putLong(metadata.size());
        metadata.forEach((key, value) -> {
            text(out, key);
            value(out, value);
        });
        long offset = 0;
        for (Tensor t : tensors) {
            text(out, t.name);
            out.putInt(t.shape.length);
            for (int i = t.shape.length - 1; i >= 0; i--) {
                out.putLong(t.shape[i]);
            }
            out.putInt(t.type).putLong(offset);
            offset += padded(t.data.length);
        }
        out.position(padded(out.position()));
        for (Tensor t : tensors) {
            int begin = out.position();
            out.put(t.data).position(begin + padded(t.data.length));
        }
        return java.util.Arrays.copyOf(out.array(), out.position());
    }

    private static int padded(int bytes) {
        return Math.ceilDiv(bytes, ALIGN) * ALIGN;
    }

    private static void text(ByteBuffer out, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.putLong(utf8.length).put(utf8);
    }

    private static void value(ByteBuffer out, Object value) {
        switch (value) {
            case Integer i -> out.putInt(4).putInt(i);
            case Long l -> out.putInt(10).putLong(l);
            case Float f -> out.putInt(6).putFloat(f);
            case Double d -> out.putInt(12).putDouble(d);
            case Boolean b -> out.putInt(7).put((byte) (b ? 1 : 0));
            case String s -> text(out.putInt(8), s);
            case float[] all -> {
                out.putInt(9).putInt(6).putLong(all.length);
                for (float each : all) {
                    out.putFloat(each);
                }
            }
            case int[] all -> {
                out.putInt(9).putInt(5).putLong(all.length);
                for (int each : all) {
                    out.putInt(each);
                }
            }
            case List<?> texts -> {
                out.putInt(9).putInt(8).putLong(texts.size());
                texts.forEach(each -> text(out, (String) each));
            }
            default -> throw new IllegalArgumentException(value.getClass().getName());
        }
    }
}
