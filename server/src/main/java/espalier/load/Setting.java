package espalier.load;

import espalier.chat.Espalier;
import espalier.launch.Makeup;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** What was measured, under the names of its JSON: figures without it are worth little a week later. */
public final class Setting {
    private Setting() {}

    /** Model, device and kernels of an engine in this process. */
    public static Map<String, Object> of(Espalier engine) {
        return of(engine.card().servedName(), engine.makeup());
    }

    static Map<String, Object> of(String model, Makeup makeup) {
        var setting = new LinkedHashMap<String, Object>();
        setting.put("model", model);
        setting.put("device", makeup.device());
        setting.put("tp_size", makeup.ranks());
        if (makeup.threads() > 0) {
            setting.put("cpu_threads", makeup.threads());
        }
        setting.put(
                "weight_format",
                makeup.weights().stream().map(Makeup.Weights::format).distinct().collect(Collectors.joining(", ")));
        String kernels = kernels(makeup);
        if (!kernels.isEmpty()) {
            setting.put("kernels", kernels);
        }
        setting.put("kv_cache_dtype", makeup.kvType().name());
        return setting;
    }

    /** One word where all matrices are multiplied alike, else each format with its own. */
    private static String kernels(Makeup makeup) {
        boolean alike = makeup.weights().stream()
                        .map(Makeup.Weights::kernels)
                        .distinct()
                        .count()
                == 1;
        return makeup.weights().stream()
                .map(w -> alike ? w.kernels() : w.format() + " by " + w.kernels())
                .distinct()
                .collect(Collectors.joining("; "));
    }
}
