package espalier.checkpoint;

import espalier.base.Tokens;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** A model on this machine, however its files are laid out: what an engine needs of it before and while it loads. */
public interface ModelSource {

    /** What the model is called unless somebody says otherwise. */
    String name();

    /** The model's configuration, in the words of a {@code config.json}. */
    JsonNode config();

    /**
     * Where a field of {@link #config} comes from, as messages name it: file and name there.
     *
     * @param field with dots before what is inside other fields
     */
    default String place(String field) {
        return "config.json: " + field;
    }

    GenerationDefaults generationDefaults();

    /** Ids that end an answer. */
    Tokens eosTokenIds();

    /** The weights, memory-mapped; closed by the caller. */
    Checkpoint checkpoint();

    /** {@code architectures} of the configuration; empty where it names none. */
    default List<String> architectures() {
        return config().path("architectures")
                .valueStream()
                .map(JsonNode::asString)
                .toList();
    }

    /** Random weights in this configuration's shape. */
    default DummyCheckpoint dummy() {
        return DummyCheckpoint.of(config());
    }
}
