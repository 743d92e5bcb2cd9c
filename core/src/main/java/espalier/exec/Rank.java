package espalier.exec;

import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The thread of one rank: works through orders in the order in which they came, the same ones as all other ranks.
 *
 * <p>A device that runs ahead of its host is asked for a step's tokens as late as possible (when somebody waits for
 * them, or when the next choice would replace them), so that the next pass is queued before the host blocks; any other
 * device has them at once.
 */
final class Rank {
    /** What a rank is told to do. */
    sealed interface Order {
        record Forward(StepPlan plan) implements Order {}

        record Choose(SamplingBatch how, RankedExecutor.Step step) implements Order {}

        /** Somebody waits for {@code step}. */
        record Collect(RankedExecutor.Step step) implements Order {}

        /** Adds to {@code into} from now on, or to nothing; {@code done} hears when what was before is complete. */
        record Trace(@Nullable StepTrace into, CompletableFuture<Void> done) implements Order {}

        record Stop() implements Order {}
    }

    /** Told when a rank cannot go on, on that rank's thread. */
    interface Failed {
        void failed(int rank, Throwable cause);
    }

    private final int number;
    private final boolean runsAhead;
    private final BlockingQueue<Order> orders = new LinkedBlockingQueue<>();
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private final Thread thread;
    private Order.@Nullable Choose uncollected;

    Rank(int number, boolean runsAhead, Supplier<ModelRunner> runner, Failed failed) {
        this.number = number;
        this.runsAhead = runsAhead;
        this.thread = Thread.ofPlatform().name("rank-" + number).daemon().unstarted(() -> run(runner, failed));
    }

    void start() {
        thread.start();
    }

    /** Completes once the rank's memory is there, or with what went wrong. */
    CompletableFuture<Void> ready() {
        return ready;
    }

    void tell(Order order) {
        orders.add(order);
    }

    /** Waits for the end of its thread; false where {@code nanos} have passed before. */
    boolean join(long nanos) {
        long until = System.nanoTime() + nanos;
        boolean interrupted = false;
        boolean ended = false;
        while (!ended && nanos > 0) {
            try {
                ended = thread.join(Duration.ofNanos(nanos));
            } catch (InterruptedException e) {
                interrupted = true;
            }
            nanos = until - System.nanoTime();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return ended;
    }

    private void run(Supplier<ModelRunner> source, Failed failed) {
        try (ModelRunner runner = source.get()) {
            ready.complete(null);
            while (obey(runner, orders.take())) {
                // The order is done.
            }
        } catch (Throwable cause) { // the top of a thread: whatever it is, those who wait must be told
            failed.failed(number, cause);
            ready.completeExceptionally(cause);
        }
    }

    private boolean obey(ModelRunner runner, Order order) {
        switch (order) {
            case Order.Forward(StepPlan plan) -> runner.forward(plan);
            case Order.Choose choose -> {
                collect(runner);
                runner.sample(choose.how);
                uncollected = choose;
                if (!runsAhead) {
                    collect(runner);
                }
            }
            case Order.Collect(RankedExecutor.Step step) -> {
                if (uncollected != null && uncollected.step == step) {
                    collect(runner);
                }
            }
            case Order.Trace(var into, var done) -> {
                runner.trace(into, number);
                done.complete(null);
            }
            case Order.Stop() -> {
                return false;
            }
        }
        return true;
    }

    private void collect(ModelRunner runner) {
        Order.Choose choose = uncollected;
        if (choose != null) {
            uncollected = null;
            choose.step.done(number, runner.result(choose.how));
        }
    }
}
