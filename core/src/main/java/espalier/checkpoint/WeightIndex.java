package espalier.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * {@code model.safetensors.index.json}: which shard holds which tensor.
 *
 * @param file the index itself
 * @param files tensor name to shard
 */
record WeightIndex(Path file, Map<String, Path> files) {
    static WeightIndex read(Path file) {
        JsonNode map = JsonFile.object(file).path("weight_map");
        if (!map.isObject() || map.isEmpty()) {
            throw JsonFile.fault(file + ": it has no weight_map");
        }
        Map<String, Path> files = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> item : map.properties()) {
            files.put(item.getKey(), shard(file, item.getKey(), item.getValue()));
        }
        WeightIndex index = new WeightIndex(file, files);
        List<String> missing = index.shards().stream()
                .filter(shard -> !Files.isRegularFile(shard))
                .map(shard -> String.valueOf(shard.getFileName()))
                .toList();
        if (!missing.isEmpty()) {
            throw JsonFile.fault(file + ": " + missing.size() + " of "
                    + index.shards().size() + " shards are missing: " + String.join(", ", missing)
                    + "; download the checkpoint again");
        }
        return index;
    }

    /** Each shard once, in the order of its first tensor. */
    List<Path> shards() {
        return files.values().stream().distinct().toList();
    }

    /** A shard lies beside its index: a name that leads elsewhere is an attack or a mistake. */
    private static Path shard(Path index, String tensor, JsonNode name) {
        if (name.isString()) {
            String text = name.asString();
            if (text.endsWith(".safetensors")
                    && text.indexOf('/') < 0
                    && text.indexOf('\\') < 0
                    && text.indexOf(0) < 0) {
                return index.resolveSibling(text);
            }
        }
        throw JsonFile.fault(
                index + ": tensor '" + tensor + "' lies in " + name + ", which is not a safetensors file beside it");
    }
}
