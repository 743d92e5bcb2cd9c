package espalier.checkpoint.hub;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The GGUF models among some files, each whole or in shards {@code NAME-00001-of-0000N.gguf}. */
final class GgufFiles {
    /** What publishers recommend. */
    private static final String USUAL = "Q4_K_M";

    private static final Pattern SHARD = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

    /** Models that project pictures, and statistics for whoever quantises, are none that could be served. */
    private static final Pattern OTHER = Pattern.compile("(.*/)?(mmproj|imatrix)[^/]*");

    private GgufFiles() {}

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
        List<String> shards = shards(models.getOrDefault(found.getFirst(), ""));
        shards.stream().filter(shard -> !names.contains(shard)).findFirst().ifPresent(missing -> {
            throw HubErrors.fault(
                    where + ": " + missing + " is missing, one of " + shards.size() + " shards of a model");
        });
        return shards;
    }

    /** Whether there are GGUF models among the files. */
    static boolean hasModels(Collection<String> names) {
        return !models(names).isEmpty();
    }

    /** Name without ending or shard number, to one of its files. */
    private static Map<String, String> models(Collection<String> names) {
        var models = new TreeMap<String, String>();
        for (String name : names) {
            if (name.endsWith(".gguf") && !OTHER.matcher(name).matches()) {
                models.merge(model(name), name, (a, b) -> a.compareTo(b) <= 0 ? a : b);
            }
        }
        return models;
    }

    private static String model(String file) {
        Matcher shard = SHARD.matcher(file);
        return shard.matches() ? shard.group(1) : file.substring(0, file.length() - ".gguf".length());
    }

    private static List<String> shards(String file) {
        Matcher m = SHARD.matcher(file);
        if (!m.matches()) {
            return List.of(file);
        }
        int count = Integer.parseInt(m.group(3));
        return IntStream.rangeClosed(1, count)
                .mapToObj(i -> String.format(Locale.ROOT, "%s-%05d-of-%s.gguf", m.group(1), i, m.group(3)))
                .toList();
    }

    private static boolean isIt(GgufChoice choice, String model) {
        return switch (choice) {
            case GgufChoice.Unsaid() -> true;
            case GgufChoice.File(String name) -> {
                String wanted = name.endsWith(".gguf") ? model(name) : name;
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
