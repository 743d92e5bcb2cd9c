package espalier.checkpoint;

import espalier.api.EngineFault;
import espalier.base.Nearest;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Tensors in one or several memory-mapped safetensors files. Immutable, so every rank may read at once. */
public final class SafetensorsCheckpoint implements Checkpoint {
    private final JsonNode config;
    private final Arena arena = Arena.ofShared();
    private final Map<String, SafetensorsFile> files = new LinkedHashMap<>();

    private SafetensorsCheckpoint(JsonNode config) {
        this.config = config;
    }

    /** Maps these files, which together hold each tensor once. */
    public static SafetensorsCheckpoint open(JsonNode config, List<Path> files) {
        SafetensorsCheckpoint checkpoint = new SafetensorsCheckpoint(config);
        try {
            files.forEach(checkpoint::map);
            return checkpoint;
        } catch (EngineFault e) {
            checkpoint.close();
            throw e;
        }
    }

    /** Maps the files that an index names, and checks that each tensor of the index is where it says. */
    static SafetensorsCheckpoint open(JsonNode config, WeightIndex index) {
        SafetensorsCheckpoint checkpoint = open(config, index.shards());
        try {
            index.files().forEach((name, path) -> checkpoint.check(name, path, index.file()));
            return checkpoint;
        } catch (EngineFault e) {
            checkpoint.close();
            throw e;
        }
    }

    @Override
    public JsonNode config() {
        return config;
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(files.keySet());
    }

    @Override
    public StoredTensor tensor(String name, long... shape) {
        SafetensorsFile file = files.get(name);
        if (file == null) {
            throw JsonFile.fault("tensor '" + name + "' is not in the checkpoint" + Nearest.hint(name, names()));
        }
        StoredTensor tensor = file.tensor(name);
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw JsonFile.fault(file.path() + ": tensor '" + name + "' has shape " + Arrays.toString(tensor.shape())
                    + "; config.json asks for " + Arrays.toString(shape));
        }
        return tensor;
    }

    @Override
    public void close() {
        arena.close();
    }

    private void map(Path path) {
        SafetensorsFile file = SafetensorsFile.open(path, arena);
        for (String name : file.names()) {
            SafetensorsFile other = files.put(name, file);
            if (other != null) {
                throw JsonFile.fault("tensor '" + name + "' is stored twice: in " + other.path() + " and in " + path
                        + "; remove the file that does not belong to the checkpoint");
            }
        }
    }

    private void check(String name, Path path, Path index) {
        SafetensorsFile file = files.get(name);
        if (file == null || !file.path().equals(path)) {
            throw JsonFile.fault(path + ": tensor '" + name + "' is missing, though " + index.getFileName()
                    + " says that it is there; download both again");
        }
    }
}
