package espalier.engine;

import espalier.api.EngineFault;
import java.util.function.Consumer;

/**
 * How the engine runs its loop.
 *
 * @param overlap whether the next step is launched before the tokens of this one are known
 * @param randomSeed from which requests without a seed get theirs
 * @param decodeLogInterval steps with generated tokens between two measurements of throughput
 * @param listener hears of every step, on the engine's thread
 * @param failed hears what ended the engine against its owner's will, before those whose requests it ends
 */
public record LoopOptions(
        boolean overlap,
        long randomSeed,
        int decodeLogInterval,
        Consumer<StepReport> listener,
        Consumer<EngineFault> failed) {

    /** With overlap, a report every 40 decode steps, and nobody who listens. */
    public static LoopOptions of(long randomSeed) {
        return new LoopOptions(true, randomSeed, 40, report -> {}, fault -> {});
    }

    public LoopOptions withoutOverlap() {
        return new LoopOptions(false, randomSeed, decodeLogInterval, listener, failed);
    }

    public LoopOptions withListener(Consumer<StepReport> other) {
        return new LoopOptions(overlap, randomSeed, decodeLogInterval, other, failed);
    }

    public LoopOptions withFailed(Consumer<EngineFault> other) {
        return new LoopOptions(overlap, randomSeed, decodeLogInterval, listener, other);
    }
}
