package espalier.exec;

import espalier.api.EngineFault;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import espalier.tensor.Device;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A model on its devices, one thread a rank: all ranks are told the same plans in the same order and choose the same
 * tokens, so nothing but the collectives of the model binds them.
 *
 * <p>The group fails as a whole. A rank that cannot go on closes its device, which releases those who wait for it in a
 * collective; every step under way, and every later call, answers with the first failure.
 */
public final class RankedExecutor implements Executor {
    /** Steps that may be unawaited when another is launched. */
    private static final int DEPTH = 1;

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** How long a step may stand still where nobody says. */
    private static final Duration WATCHDOG = Duration.ofMinutes(5);

    private final LoadedModel model;
    private final Watchdog watchdog;
    private final List<Rank> ranks = new ArrayList<>();
    private final Queue<Step> underWay = new ConcurrentLinkedQueue<>();
    private final Queue<CompletableFuture<Void>> tracing = new ConcurrentLinkedQueue<>();
    private final AtomicReference<@Nullable EngineFault> fault = new AtomicReference<>();

    private RankedExecutor(LoadedModel model, Capacity capacity, Recording recording, Duration watchdog) {
        this.model = model;
        this.watchdog = new Watchdog(watchdog);
        for (int i = 0; i < model.devices().size(); i++) {
            int rank = i;
            Device device = model.devices().get(rank);
            ranks.add(new Rank(
                    rank,
                    device.runsAhead(),
                    () -> new ModelRunner(
                            device,
                            model.decoders().get(rank),
                            capacity,
                            rank == 0 ? recording : (_, _) -> {},
                            this.watchdog::moved),
                    this::failed));
        }
    }

    /**
     * Takes the memory that {@code capacity} needs and starts the ranks. Takes over the model: it is closed with the
     * executor, or here if it cannot start.
     *
     * @throws EngineFault RESOURCE if the memory is not there
     */
    public static RankedExecutor start(LoadedModel model, Capacity capacity) {
        return start(model, capacity, (_, _) -> {}, WATCHDOG);
    }

    /**
     * As {@link #start(LoadedModel, Capacity)}.
     *
     * @param recording is told what the first rank records
     * @param watchdog a step of which nothing has moved for so long fails the executor: its device hangs, perhaps in a call
     *     that never returns
     */
    public static RankedExecutor start(LoadedModel model, Capacity capacity, Recording recording, Duration watchdog) {
        var executor = new RankedExecutor(model, capacity, recording, watchdog);
        executor.ranks.forEach(Rank::start);
        try {
            executor.ranks.forEach(r -> r.ready().join());
            return executor;
        } catch (CompletionException e) {
            executor.close();
            throw executor.broken().orElseGet(() -> new EngineFault(EngineFault.Code.INTERNAL, "cannot start", e));
        }
    }

    @Override
    public int depth() {
        return DEPTH;
    }

    @Override
    public Flight launch(StepPlan plan) {
        var step = new Step(plan.number());
        underWay.add(step);
        requireWhole();
        if (underWay.size() > DEPTH + 1) {
            throw new IllegalStateException(
                    "step " + plan.number() + " is launched while " + (underWay.size() - 1) + " are not awaited");
        }
        tell(new Rank.Order.Forward(plan));
        return step;
    }

    @Override
    public CompletableFuture<Void> trace(@Nullable StepTrace into) {
        var all = new ArrayList<CompletableFuture<Void>>();
        tracing.removeIf(CompletableFuture::isDone);
        for (Rank rank : ranks) {
            var done = new CompletableFuture<Void>();
            all.add(done);
            tracing.add(done);
            rank.tell(new Rank.Order.Trace(into, done));
        }
        if (fault.get() != null) {
            releaseTracing();
        }
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new));
    }

    private void releaseTracing() {
        for (var done = tracing.poll(); done != null; done = tracing.poll()) {
            done.complete(null);
        }
    }

    /**
     * {@inheritDoc}
     *
     * <p>Whoever waits for a step hears at once. A rank that does not come out of its device within some seconds keeps
     * the model's memory, which cannot be taken from under it; its thread does not keep the process alive.
     */
    @Override
    public void close() {
        close(PATIENCE);
    }

    /** As {@link #close()}; false where a rank has not ended after {@code patience}. */
    boolean close(Duration patience) {
        fail(new EngineFault(EngineFault.Code.INTERNAL, "the executor is closed"));
        tell(new Rank.Order.Stop());
        long until = System.nanoTime() + patience.toNanos();
        boolean ended = true;
        for (Rank rank : ranks) {
            ended &= rank.join(until - System.nanoTime());
        }
        if (ended) {
            model.close();
        }
        return ended;
    }

    private void tell(Rank.Order order) {
        ranks.forEach(r -> r.tell(order));
    }

    private void requireWhole() {
        broken().ifPresent(f -> {
            throw f;
        });
    }

    /** The first failure, with the stack of whoever asks. */
    private java.util.Optional<EngineFault> broken() {
        return java.util.Optional.ofNullable(fault.get()).map(f -> new EngineFault(f.code(), f.getMessage(), f));
    }

    private void failed(int rank, Throwable cause) {
        String where = ranks.size() == 1 ? "the device" : "rank " + rank + " of " + ranks.size();
        fail(new EngineFault(code(cause), where + " failed: " + message(cause), cause));
        try {
            model.closeRank(rank);
        } catch (RuntimeException closing) {
            cause.addSuppressed(closing);
        }
    }

    private void fail(EngineFault first) {
        fault.compareAndSet(null, first);
        for (Step step = underWay.poll(); step != null; step = underWay.poll()) {
            step.result.completeExceptionally(first);
        }
        releaseTracing();
    }

    private static EngineFault.Code code(Throwable cause) {
        return switch (cause) {
            case EngineFault f -> f.code();
            case OutOfMemoryError _ -> EngineFault.Code.RESOURCE;
            default -> EngineFault.Code.INTERNAL;
        };
    }

    private static String message(Throwable cause) {
        return switch (cause) {
            case EngineFault f -> f.getMessage();
            case OutOfMemoryError none ->
                "not enough memory (" + none.getMessage()
                        + "); lower --max-total-tokens, --max-running-requests or --chunked-prefill-size";
            default -> cause.toString();
        };
    }

    /** A step under way. */
    final class Step implements Flight {
        private final long number;
        private final CompletableFuture<StepResult> result = new CompletableFuture<>();

        private Step(long number) {
            this.number = number;
        }

        /** All ranks choose alike; the first one's choice is the answer. */
        void done(int rank, StepResult chosen) {
            if (rank == 0) {
                result.complete(chosen);
            }
        }

        @Override
        public void sample(SamplingBatch how) {
            if (how.number() != number) {
                throw new IllegalArgumentException("sampling of step " + how.number() + " for step " + number);
            }
            requireWhole();
            tell(new Rank.Order.Choose(how, this));
        }

        @Override
        public StepResult await() {
            if (!result.isDone()) {
                tell(new Rank.Order.Collect(this));
            }
            try {
                return watchdog.await(result);
            } catch (TimeoutException e) {
                fail(new EngineFault(
                        EngineFault.Code.DEVICE,
                        "step " + number + " has not ended, nor moved for "
                                + watchdog.patience().toMillis() / 1e3
                                + " s: the device does not answer; restart the server, and if it is so slow here, raise"
                                + " --watchdog-timeout",
                        e));
                throw broken().orElseThrow();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new EngineFault(EngineFault.Code.INTERNAL, "interrupted while step " + number + " ran", e);
            } catch (ExecutionException e) {
                throw broken().orElseThrow();
            } finally {
                underWay.remove(this);
            }
        }
    }
}
