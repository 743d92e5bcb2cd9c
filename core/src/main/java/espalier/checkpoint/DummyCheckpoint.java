package espalier.checkpoint;

import espalier.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Random weights for any {@code config.json}: to measure a model, or to try a configuration, without its gigabytes
 * ({@code --load-format dummy}). A tensor depends on its name and shape only, so every run, and every rank, sees the same
 * model.
 *
 * <p>Matrices are uniform with a variance of 1 / inputs and so keep the scale of what goes through them; vectors whose
 * name says "norm" are 1, other vectors (biases) are 0. Activations of a model of any depth thus stay finite in f16.
 */
public final class DummyCheckpoint implements Checkpoint {
    private final JsonNode config;
    private final DType dtype;
    private final Arena arena = Arena.ofShared();
    private final Map<String, StoredTensor> made = new ConcurrentHashMap<>();

    /** @param dtype F32, F16 or BF16: what the weights are stored as */
    public DummyCheckpoint(JsonNode config, DType dtype) {
        if (dtype == DType.I32) {
            throw new IllegalArgumentException("weights of " + dtype);
        }
        this.config = config;
        this.dtype = dtype;
    }

    /** Stored as the config says ({@code dtype}, or {@code torch_dtype} in older ones), or else as BF16. */
    public static DummyCheckpoint of(JsonNode config) {
        String named = config.path("dtype").asString(config.path("torch_dtype").asString("bfloat16"));
        return new DummyCheckpoint(
                config,
                switch (named) {
                    case "float32" -> DType.F32;
                    case "float16" -> DType.F16;
                    default -> DType.BF16;
                });
    }

    @Override
    public JsonNode config() {
        return config;
    }

    @Override
    public Set<String> names() {
        return Set.copyOf(made.keySet());
    }

    @Override
    public StoredTensor tensor(String name, long... shape) {
        StoredTensor tensor = made.computeIfAbsent(name, n -> make(n, shape));
        if (!java.util.Arrays.equals(tensor.shape(), shape)) {
            throw JsonFile.fault("tensor '" + name + "' is asked for with shape " + java.util.Arrays.toString(shape)
                    + " after " + java.util.Arrays.toString(tensor.shape()));
        }
        return tensor;
    }

    @Override
    public @Nullable Uniform uniform(String name, long... shape) {
        return shape.length < 2 ? null : new Uniform(dtype, name.hashCode(), bound(shape));
    }

    private static float bound(long... shape) {
        return (float) Math.sqrt(3.0 / shape[shape.length - 1]);
    }

    /** Names and shapes as asked for, no numbers. */
    private record Outline(JsonNode config, DType dtype) implements Checkpoint {
        @Override
        public Set<String> names() {
            return Set.of();
        }

        @Override
        public StoredTensor tensor(String name, long... shape) {
            return StoredTensor.plain(name, dtype, shape.clone(), MemorySegment.NULL);
        }

        @Override
        public void close() {}
    }

    @Override
    public Checkpoint outline() {
        return new Outline(config, dtype);
    }

    @Override
    public void close() {
        arena.close();
    }

    private StoredTensor make(String name, long[] shape) {
        long size = 1;
        for (long dimension : shape) {
            size = Math.multiplyExact(size, dimension);
        }
        MemorySegment data = arena.allocate(Math.multiplyExact(size, dtype.bytes()), Long.BYTES);
        if (shape.length > 1) {
            fillUniform(data, size, name.hashCode(), bound(shape));
        } else if (name.contains("norm") && !name.endsWith("bias")) {
            for (long i = 0; i < size; i++) {
                put(data, i, 1);
            }
        }
        return StoredTensor.plain(name, dtype, shape.clone(), data.asReadOnly());
    }

    /** Uniform in [-bound, bound) by SplitMix64 (Steele, Lea, Flood 2014), two elements a draw. */
    private void fillUniform(MemorySegment data, long size, long seed, float bound) {
        long state = seed * 0x9E3779B97F4A7C15L;
        float scale = bound / (1L << 31);
        for (long i = 0; i < size; i += 2) {
            state += 0x9E3779B97F4A7C15L;
            long mixed = (state ^ state >>> 30) * 0xBF58476D1CE4E5B9L;
            mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
            mixed ^= mixed >>> 31;
            put(data, i, (int) mixed * scale);
            if (i + 1 < size) {
                put(data, i + 1, (int) (mixed >>> 32) * scale);
            }
        }
    }

    private void put(MemorySegment data, long index, float value) {
        switch (dtype) {
            case F32 -> data.set(StoredTensor.FLOAT, index * Float.BYTES, value);
            // Rounding is by truncation: what a random number is rounded to does not matter.
            case BF16 ->
                data.set(StoredTensor.HALF, index * Short.BYTES, (short) (Float.floatToRawIntBits(value) >>> 16));
            case F16 -> data.set(StoredTensor.HALF, index * Short.BYTES, Float.floatToFloat16(value));
            case I32 -> throw new IllegalStateException("refused by the constructor");
        }
    }
}
