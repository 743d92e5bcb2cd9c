package espalier.checkpoint;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A GGUF file's name taken apart: a whole model's {@code NAME.gguf}, or a shard's {@code NAME-00001-of-0000N.gguf}.
 *
 * @param model the name, or the path, without ending and number; the same for all shards of a model
 * @param shards how many files there are; 0 where the model is whole
 */
public record GgufName(String model, int shards) {
    private static final Pattern SHARD = Pattern.compile("(.*)-\\d{5}-of-(\\d{5})\\.gguf");

    public static GgufName of(String file) {
        Matcher shard = SHARD.matcher(file);
        return shard.matches()
                ? new GgufName(shard.group(1), Integer.parseInt(shard.group(2)))
                : new GgufName(file.replaceFirst("\\.gguf$", ""), 0);
    }

    /** The names of all files of the model, the first shard first. */
    public List<String> files() {
        return shards == 0
                ? List.of(model + ".gguf")
                : IntStream.rangeClosed(1, shards)
                        .mapToObj(i -> String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", model, i, shards))
                        .toList();
    }
}
