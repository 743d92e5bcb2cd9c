package espalier.exec;

import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Runs plans in order. {@link #launch} returns once the work is queued; at most {@link #depth} flights may be ahead of
 * the host.
 *
 * <p>Invariant I1 of every executor, stream order: a write of step {@code n} lands before any read or write of step
 * {@code n + 1}. The scheduler hands the pages of an ended sequence out again while a step that still writes to them
 * is in flight.
 *
 * <p>One thread calls it.
 */
public interface Executor extends AutoCloseable {

    /** How many launched steps may be unawaited when another is launched; 1 is one step ahead. */
    int depth();

    /** Queues the forward pass of {@code plan}, which is not empty. */
    Flight launch(StepPlan plan);

    /**
     * Adds what is done for the steps launched from now on to {@code into}, or to nothing.
     *
     * @return completes when what was added to before is complete, also where the executor fails
     */
    default CompletableFuture<Void> trace(@Nullable StepTrace into) {
        return CompletableFuture.completedFuture(null);
    }

    /** Ends the ranks and gives their memory back; what is in flight is lost. */
    @Override
    void close();

    /** A step under way. */
    interface Flight {

        /**
         * Queues the choice of tokens: at once, or when the masks are known; always before the next {@link
         * Executor#launch}. Called once, also where no chunk samples.
         */
        void sample(SamplingBatch how);

        /**
         * Waits for the chosen tokens, not for the whole device.
         *
         * @throws espalier.api.EngineFault when a rank failed
         */
        StepResult await();
    }
}
