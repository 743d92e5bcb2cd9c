package espalier.checkpoint.gguf;

import espalier.api.EngineFault;
import espalier.base.Nearest;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.StoredTensor;
import espalier.checkpoint.StoredTensor.Encoding;
import espalier.tensor.RowOrder;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;

/**
 * Tensors in one or several memory-mapped GGUF files, under the names of their publishers. Safe for several ranks at
 * once.
 *
 * <p>For the architecture "llama" (Mistral is one too) llama.cpp's converter interleaves the two halves of each head's
 * rows in q and k, since ggml rotates neighbours there and publishers rotate halves. Blocks are read where they lie, through a
 * {@link RowOrder}: devices make a form of their own of them anyway. Plain numbers are put back when such a tensor is first
 * read, in a copy.
 */
public final class GgufCheckpoint implements Checkpoint {
    private final Arena arena = Arena.ofShared();
    private final Map<String, StoredTensor> stored = new LinkedHashMap<>();
    private final String file;
    private final boolean interleaved;
    private final JsonNode config;
    /** Tensors whose rows were put back. */
    private final Map<String, StoredTensor> halved = new ConcurrentHashMap<>();

    private GgufCheckpoint(GgufMetadata metadata, JsonNode config) {
        this.file = metadata.file();
        this.interleaved = GgufConfig.architecture(metadata).equals("llama");
        this.config = config;
    }

    /** Maps the files, which are all the shards of one model. */
    static GgufCheckpoint open(List<GgufFile> files, GgufMetadata metadata, JsonNode config) {
        var checkpoint = new GgufCheckpoint(metadata, config);
        try {
            checkpoint.stored.putAll(tensors(files, checkpoint.arena));
            return checkpoint;
        } catch (EngineFault e) {
            checkpoint.close();
            throw e;
        }
    }

    static Map<String, StoredTensor> tensors(List<GgufFile> files, Arena arena) {
        Map<String, StoredTensor> all = new LinkedHashMap<>();
        for (GgufFile file : files) {
            file.tensors(arena).forEach((name, tensor) -> {
                if (all.put(name, tensor) != null) {
                    throw GgufFile.fault(file.path() + ": tensor '" + name + "' is in another shard as well");
                }
            });
        }
        return all;
    }

    @Override
    public JsonNode config() {
        return config;
    }

    @Override
    public Set<String> names() {
        var names = new TreeSet<String>();
        for (String name : stored.keySet()) {
            if (!name.equals("rope_freqs.weight")) { // it is in the configuration
                names.add(GgufNames.published(name));
            }
        }
        return names;
    }

    @Override
    public StoredTensor tensor(String name, long... shape) {
        StoredTensor tensor = checked(name, shape);
        int heads = heads(name);
        if (heads == 0) {
            return tensor;
        }
        return switch (tensor.encoding()) {
            case Encoding.Plain _ -> halved.computeIfAbsent(name, n -> halves(tensor, heads));
            case Encoding.Blocks _ ->
                new StoredTensor(tensor.name(), tensor.encoding(), tensor.shape(), tensor.data(), order(tensor, heads));
        };
    }

    /** Rows stand as in the file: whoever only counts need not copy them. */
    @Override
    public Checkpoint outline() {
        return new Outline();
    }

    @Override
    public void close() {
        arena.close();
    }

    private final class Outline implements Checkpoint {
        @Override
        public JsonNode config() {
            return config;
        }

        @Override
        public Set<String> names() {
            return GgufCheckpoint.this.names();
        }

        @Override
        public StoredTensor tensor(String name, long... shape) {
            return checked(name, shape);
        }

        @Override
        public void close() {}
    }

    private StoredTensor checked(String name, long... shape) {
        StoredTensor tensor = stored.get(GgufNames.stored(name));
        if (tensor == null) {
            String wanted = GgufNames.stored(name);
            throw GgufFile.fault(
                    file + ": tensor '" + wanted + "' is not there" + Nearest.hint(wanted, stored.keySet()));
        }
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw GgufFile.fault(file + ": tensor '" + tensor.name() + "' has shape " + Arrays.toString(tensor.shape())
                    + "; the metadata asks for " + Arrays.toString(shape));
        }
        return tensor;
    }

    /** How many heads' rows are to be put back; 0 for none. */
    private int heads(String name) {
        if (!interleaved) {
            return 0;
        }
        if (name.contains(".self_attn.q_proj.")) {
            return config.path("num_attention_heads").asInt();
        }
        return name.contains(".self_attn.k_proj.")
                ? config.path("num_key_value_heads").asInt()
                : 0;
    }

    private static RowOrder order(StoredTensor t, int heads) {
        return new RowOrder(Math.toIntExact(t.shape()[0]) / heads);
    }

    private StoredTensor halves(StoredTensor t, int heads) {
        int rows = Math.toIntExact(t.shape()[0]);
        long rowBytes = t.data().byteSize() / rows;
        RowOrder order = order(t, heads);
        MemorySegment to = arena.allocate(t.data().byteSize(), 64);
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(t.data(), order.stored(row) * rowBytes, to, row * rowBytes, rowBytes);
        }
        return new StoredTensor(t.name(), t.encoding(), t.shape(), to.asReadOnly());
    }
}
