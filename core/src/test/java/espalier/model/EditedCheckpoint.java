package espalier.model;

import espalier.api.EngineFault;
import espalier.base.Nearest;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.StoredTensor;
import espalier.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A checkpoint in memory that a test takes apart; asking it for a name makes a tensor of zeros until it is sealed. */
final class EditedCheckpoint implements Checkpoint {
    private final JsonNode config;
    private final Map<String, StoredTensor> tensors = new TreeMap<>();
    private boolean sealed;

    EditedCheckpoint(String config) {
        this.config = new JsonMapper().readTree(config.replace('\'', '"'));
    }

    /** From now on there is what was asked for so far, and nothing else. */
    EditedCheckpoint seal() {
        sealed = true;
        return this;
    }

    void rename(String from, String to) {
        tensors.put(to, java.util.Objects.requireNonNull(tensors.remove(from), from));
    }

    void put(String name, long... shape) {
        tensors.put(name, zeros(name, shape));
    }

    /** Moves a tensor to an address that is no multiple of its elements' size. */
    void misalign(String name) {
        StoredTensor t = java.util.Objects.requireNonNull(tensors.get(name), name);
        MemorySegment odd = Arena.ofAuto().allocate(t.data().byteSize() + 1, 64).asSlice(1);
        tensors.put(name, new StoredTensor(name, t.encoding(), t.shape(), odd));
    }

    long bytes() {
        return tensors.values().stream().mapToLong(t -> t.data().byteSize()).sum();
    }

    @Override
    public JsonNode config() {
        return config;
    }

    @Override
    public Set<String> names() {
        return tensors.keySet();
    }

    @Override
    public StoredTensor tensor(String name, long... shape) {
        StoredTensor found = sealed ? tensors.get(name) : tensors.computeIfAbsent(name, n -> zeros(n, shape));
        if (found == null) {
            throw new EngineFault(
                    EngineFault.Code.CHECKPOINT,
                    "tensor '" + name + "' is not in the checkpoint" + Nearest.hint(name, names()));
        }
        if (!Arrays.equals(found.shape(), shape)) {
            throw new EngineFault(
                    EngineFault.Code.CHECKPOINT,
                    "tensor '" + name + "' has shape " + Arrays.toString(found.shape()) + ", not "
                            + Arrays.toString(shape));
        }
        return found;
    }

    @Override
    public void close() {}

    private static StoredTensor zeros(String name, long... shape) {
        int size = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        return StoredTensor.plain(name, DType.F32, shape, MemorySegment.ofArray(new float[size]));
    }
}
