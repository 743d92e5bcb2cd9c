package espalier.model;

import java.util.Set;

/**
 * A model family: what its config says, and how one layer is built from named weights. Nothing here knows about
 * ranks, number formats or devices.
 */
public interface ModelDefinition {

    /** Names that {@code architectures} of config.json may give. */
    Set<String> architectures();

    /** Reads and checks everything that the family wants of its config. */
    ModelShape shape(ModelConfig config);

    /** @param w stands at {@link #layerPath} of this index */
    Layer layer(int index, ModelConfig config, Weights w);

    default String layerPath(int index) {
        return "model.layers." + index;
    }

    default String embeddingPath() {
        return "model.embed_tokens";
    }

    default String finalNormPath() {
        return "model.norm";
    }

    default String headPath() {
        return "lm_head";
    }
}
