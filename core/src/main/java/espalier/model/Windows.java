package espalier.model;

import java.util.List;
import java.util.stream.Stream;

/**
 * How far back each layer sees: a window of so many positions, the token itself included, or 0 for all of its past.
 */
public record Windows(List<Integer> perLayer) {

    public Windows {
        perLayer = List.copyOf(perLayer);
    }

    /** The same for every layer. */
    public static Windows everywhere(int layers, int window) {
        return new Windows(Stream.generate(() -> window).limit(layers).toList());
    }

    /** By the config's {@code layer_types}, or, where it has none, from {@code max_window_layers} on. */
    public static Windows byLayer(ModelConfig config, int layers, int window) {
        List<String> types = config.texts("layer_types");
        if (types.isEmpty()) {
            int full = config.count("max_window_layers", 28);
            return new Windows(Stream.iterate(0, i -> i + 1)
                    .limit(layers)
                    .map(i -> i < full ? 0 : window)
                    .toList());
        }
        if (types.size() != layers) {
            throw config.fault("layer_types", "has " + types.size() + " entries for " + layers + " layers");
        }
        return new Windows(
                types.stream().map(type -> ofType(config, type, window)).toList());
    }

    public int of(int layer) {
        return perLayer.get(layer);
    }

    private static int ofType(ModelConfig config, String type, int window) {
        return switch (type) {
            case "full_attention" -> 0;
            case "sliding_attention" -> window;
            case String other ->
                throw config.fault(
                        "layer_types",
                        "names '" + other + "', which is not supported; full_attention and sliding_attention are");
        };
    }
}
