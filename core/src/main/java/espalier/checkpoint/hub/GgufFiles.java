package espalier.checkpoint.hub;

import espalier.checkpoint.GgufName;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** The GGUF models among some files, each whole or in shards: the one place that chooses among them. */
public final class GgufFiles {
    /** What publishers recommend. */
    private static final String USUAL = "Q4_K_M";

    /** Models that project pictures, and statistics for whoever quantises, are none that could be served. */
    private static final Pattern OTHER = Pattern.compile("(.*/)?(mmproj|imatrix)[^/]*");

    private GgufFiles() {}

    /**
     * The model that serves out of a folder on this machine, if it is one in GGUF: its first file.
     *
     * @throws espalier.api.EngineFault CHECKPOINT as {@link #of}, or if the folder cannot be read
     */
    public static Optional<Path> in(Path folder, GgufChoice choice) {
        List<String> names = HubCache.names(folder);
        return serves(choice, names)
                ? Optional.of(
                        folder.resolve(of(choice, folder.toString(), names).getFirst()))
                : Optional.empty();
    }

    /** Whether a GGUF model is what serves of these files: one was asked for, or there are no other weights. */
    static boolean serves(GgufChoice choice, Collection<String> names) {
        return !(choice instanceof GgufChoice.Unsaid)
                || (names.stream().noneMatch(name -> name.endsWith(".safetensors"))
                        && !models(names).isEmpty());
    }

    /**
     * The files of the chosen model, the first shard first.
     *
     * @param where for messages
     * @param names every path in the repository or folder
     * @throws espalier.api.EngineFault CHECKPOINT where there is no such model, several are it, or a shard is missing
     */
    static List<String> of(GgufChoice choice, String where, Collection<String> names) {
        Map<String, String> models = models(names);
        List<String> found =
                models.keySet().stream().filter(model -> isIt(choice, model)).toList();
        if (found.size() > 1 && choice instanceof GgufChoice.Unsaid) {
            List<String> usual =
                    found.stream().filter(model -> hasTag(model, USUAL)).toList();
            found = usual.size() == 1 ? usual : found;
        }
        if (models.isEmpty()) {
            throw HubErrors.fault(where + ": no GGUF file that could be served");
        }
        if (found.size() != 1) {
            throw HubErrors.fault(where + ": " + (found.isEmpty() ? "no GGUF model" : found.size() + " GGUF models")
                    + described(choice) + "; name one by --gguf-file, or by its format as in owner/repo:" + USUAL + ": "
                    + String.join(", ", models.values()));
        }
        List<String> shards =
                GgufName.of(models.getOrDefault(found.getFirst(), "")).files();
        shards.stream().filter(shard -> !names.contains(shard)).findFirst().ifPresent(missing -> {
            throw HubErrors.fault(
                    where + ": " + missing + " is missing, one of " + shards.size() + " shards of a model");
        });
        return shards;
    }

    /** Name without ending or shard number, to one of its files. */
    private static Map<String, String> models(Collection<String> names) {
        var models = new TreeMap<String, String>();
        for (String name : names) {
            if (name.endsWith(".gguf") && !OTHER.matcher(name).matches()) {
                models.merge(GgufName.of(name).model(), name, (a, b) -> a.compareTo(b) <= 0 ? a : b);
            }
        }
        return models;
    }

    private static boolean isIt(GgufChoice choice, String model) {
        return switch (choice) {
            case GgufChoice.Unsaid() -> true;
            case GgufChoice.File(String name) -> {
                String wanted = GgufName.of(name).model();
                yield model.equals(wanted) || model.endsWith("/" + wanted);
            }
            case GgufChoice.Tag(String tag) -> hasTag(model, tag);
        };
    }

    private static boolean hasTag(String model, String tag) {
        String name = model.toLowerCase(Locale.ROOT);
        String end = tag.toLowerCase(Locale.ROOT);
        return name.equals(end)
                || (name.endsWith(end) && "-._/".indexOf(name.charAt(name.length() - end.length() - 1)) >= 0);
    }

    private static String described(GgufChoice choice) {
        return switch (choice) {
            case GgufChoice.Unsaid() -> "";
            case GgufChoice.File(String name) -> " called " + name;
            case GgufChoice.Tag(String tag) -> " in the format " + tag;
        };
    }
}
