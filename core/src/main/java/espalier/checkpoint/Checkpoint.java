package espalier.checkpoint;

import espalier.tensor.DType;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Named tensors of a model and its {@code config.json}. Safe for use by several threads (ranks load side by side). What
 * {@link #tensor} returned is valid until {@link #close}.
 */
public interface Checkpoint extends AutoCloseable {
    /** {@code config.json}, an object. */
    JsonNode config();

    /** The tensors that are stored; for random weights, those that were asked for so far. */
    Set<String> names();

    /**
     * The tensor of that name and shape, outermost dimension first; none for a scalar.
     *
     * @throws espalier.api.EngineFault CHECKPOINT where it is missing (the message offers the nearest name), has another
     *     shape, or a type that {@link StoredTensor} cannot have
     */
    StoredTensor tensor(String name, long... shape);

    /** How a matrix of that name and shape is made up, for devices that do it themselves; null where it is stored. */
    default @Nullable Uniform uniform(String name, long... shape) {
        return null;
    }

    /** Random numbers in [-bound, bound), two a draw of SplitMix64 from {@code seed}, of type {@code dtype}. */
    record Uniform(DType dtype, long seed, float bound) {}

    /**
     * The same tensors for one who only counts; they may lack their data. Random weights are not made for it. Valid until
     * {@link #close} of this checkpoint.
     */
    default Checkpoint outline() {
        return this;
    }

    @Override
    void close();
}
