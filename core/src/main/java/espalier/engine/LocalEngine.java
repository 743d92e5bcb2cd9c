package espalier.engine;

import espalier.api.Emission;
import espalier.api.Engine;
import espalier.api.EngineFault;
import espalier.api.EngineInfo;
import espalier.api.EngineLoad;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.Profile;
import espalier.api.RequestRejected;
import espalier.engine.Inbox.Message;
import espalier.exec.Executor;
import espalier.exec.StepTrace;
import espalier.sched.Limits;
import espalier.sched.Pause;
import espalier.sched.Scheduler;
import espalier.step.TokenRules;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One engine in this process: a thread that owns scheduler and executor, an inbox by which all others speak to it, and
 * a queue for each request by which it answers.
 *
 * <p>Whatever ends the thread (a failed rank, a broken invariant, {@link #close}) ends every open request with exactly
 * one {@link Emission.Failed}; after that nothing is accepted. Nobody waits for an engine that is gone.
 */
public final class LocalEngine implements Engine {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final Scheduler scheduler;
    private final Limits limits;
    private final Executor executor;
    private final EngineInfo info;
    private final LoopOptions options;
    private final StepMeter meter;
    private final Inbox inbox = new Inbox();
    private final Outbox outbox = new Outbox();
    private final AtomicLong ids = new AtomicLong();
    private final SplittableRandom seeds;
    private final EngineLoop loop;
    private final Thread thread;
    private final AtomicReference<@Nullable StepProfile> profile = new AtomicReference<>();
    private volatile EngineLoad load;
    private final Duration patience;
    private volatile boolean accepting = true;
    private volatile boolean closing;
    private volatile @Nullable EngineFault fault;

    private LocalEngine(
            Scheduler scheduler, Executor executor, EngineInfo info, LoopOptions options, Duration patience) {
        this.patience = patience;
        this.scheduler = scheduler;
        this.limits = scheduler.limits();
        this.executor = executor;
        this.info = info;
        this.options = options;
        this.meter = new StepMeter(options.decodeLogInterval(), System::nanoTime);
        this.seeds = new SplittableRandom(options.randomSeed());
        this.load = scheduler.load(0);
        int ahead = options.overlap() ? executor.depth() : 0;
        this.loop = new EngineLoop(scheduler, executor, this::receive, this::deliver, this::launched, ahead);
        this.thread = Thread.ofPlatform().name("espalier-engine").daemon().unstarted(this::run);
    }

    /** Starts an engine, which owns {@code scheduler} and {@code executor} from now on. */
    public static LocalEngine start(Scheduler scheduler, Executor executor, EngineInfo info, LoopOptions options) {
        return start(scheduler, executor, info, options, PATIENCE);
    }

    /** @param patience how long {@link #close} waits for the step in flight before it closes the executor under it */
    static LocalEngine start(
            Scheduler scheduler, Executor executor, EngineInfo info, LoopOptions options, Duration patience) {
        var engine = new LocalEngine(scheduler, executor, info, options, patience);
        engine.thread.start();
        return engine;
    }

    @Override
    public Generation submit(GenerateRequest request) {
        return submit(request, null);
    }

    /** As {@link #submit(GenerateRequest)}; only ids that {@code rules} allow are chosen. */
    public Generation submit(GenerateRequest request, @Nullable TokenRules rules) {
        limits.newTokens(request);
        if (!accepting) {
            throw refusal();
        }
        long id = ids.getAndIncrement();
        EventQueue events = outbox.open(id, request.rid());
        boolean taken = false;
        try {
            taken = inbox.offer(new Message.Submit(id, request, seed(request), rules));
        } finally {
            if (!taken) { // or there was no memory for it
                outbox.withdraw(id);
            }
        }
        if (!taken) {
            throw refusal();
        }
        return new LocalGeneration(id, events);
    }

    private long seed(GenerateRequest request) {
        Long asked = request.sampling().seed();
        if (asked != null) {
            return asked;
        }
        synchronized (seeds) {
            return seeds.nextLong();
        }
    }

    private RuntimeException refusal() {
        EngineFault cause = fault;
        return cause != null
                ? new EngineFault(cause.code(), "The engine has failed: " + cause.getMessage(), cause)
                : shuttingDown();
    }

    private static RequestRejected shuttingDown() {
        return new RequestRejected(RequestRejected.Code.OVERLOADED, "The server is shutting down.", null);
    }

    @Override
    public EngineInfo info() {
        return info;
    }

    @Override
    public EngineLoad load() {
        return load;
    }

    @Override
    public boolean isHealthy() {
        return fault == null;
    }

    @Override
    public boolean flushCache() {
        return call(scheduler::flush);
    }

    /** Plans no more steps until {@link #resume}; false where the engine has ended. */
    public boolean pause(Pause how) {
        return call(() -> {
            deliver(scheduler.pause(how));
            return true;
        });
    }

    /** Undoes {@link #pause}; false where the engine has ended. */
    public boolean resume() {
        return call(() -> {
            scheduler.resume();
            return true;
        });
    }

    @Override
    public Profile profile(Profile.Steps steps) {
        var next = new StepProfile(steps, info.device(), new StepTrace(), this::end);
        boolean begun = call(() -> {
            StepProfile open = profile.get();
            if (open != null && !open.ended().isDone()) {
                return false;
            }
            profile.set(next);
            loop.profile(next);
            return true;
        });
        if (!begun) {
            throw accepting
                    ? RequestRejected.invalid(
                            "start_profile", "Profiling is already in progress. Call /stop_profile first.")
                    : refusal();
        }
        var _ = next.ended().thenRun(() -> profile.compareAndSet(next, null)); // what it holds is large
        return next;
    }

    private boolean end(StepProfile which) {
        return call(() -> {
            which.end(executor);
            loop.forget(which);
            return true;
        });
    }

    private boolean call(BooleanSupplier task) {
        var done = new CompletableFuture<Boolean>();
        return inbox.offer(new Message.Call(task, done)) && done.join();
    }

    /**
     * Takes nothing more and waits for what is open to end by itself.
     *
     * @return false where some of it has not ended within {@code limit}
     */
    public boolean drain(Duration limit) throws InterruptedException {
        accepting = false;
        return outbox.awaitEmpty(limit);
    }

    @Override
    public void close() {
        accepting = false;
        closing = true;
        inbox.close();
        boolean interrupted = false;
        try {
            thread.join(patience);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        executor.close(); // which fails a step that does not end
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** The engine thread. */
    private void run() {
        RuntimeException end = shuttingDown();
        try {
            loop.run();
        } catch (Throwable e) { // the top of the thread: whatever it is, everybody must hear of it
            if (!closing) {
                EngineFault cause = e instanceof EngineFault known
                        ? known
                        : new EngineFault(EngineFault.Code.INTERNAL, "the engine thread ended by " + e, e);
                fault = cause;
                end = cause;
                options.failed().accept(cause);
            }
        } finally {
            accepting = false;
            inbox.close();
            refuseCalls(inbox.poll());
            outbox.failAll(end);
            StepProfile open = profile.get();
            if (open != null) {
                open.lost();
            }
        }
    }

    private boolean receive(boolean idle) throws InterruptedException {
        if (inbox.isClosed()) {
            return false;
        }
        List<Message> taken = idle ? inbox.take() : inbox.poll();
        try {
            taken.forEach(this::serve);
        } finally {
            refuseCalls(taken); // where one threw: it, and those after it; the others have their answer
        }
        return true;
    }

    private void serve(Message message) {
        switch (message) {
            case Message.Submit s ->
                deliver(scheduler.submit(s.id(), s.request(), s.seed(), s.rules()).stream()
                        .toList());
            case Message.Cancel c -> deliver(scheduler.cancel(c.id()).stream().toList());
            case Message.Finish f -> deliver(scheduler.finish(f.id()).stream().toList());
            case Message.Call c -> {
                boolean result = c.task().getAsBoolean();
                look();
                c.done().complete(result);
            }
        }
    }

    private static void refuseCalls(List<Message> messages) {
        for (Message message : messages) {
            if (message instanceof Message.Call call) {
                call.done().complete(false);
            }
        }
    }

    /** Counters first: who hears of an end finds it counted. */
    private void deliver(List<? extends Emission> emissions) {
        look();
        for (Emission each : emissions) {
            if (!outbox.put(each)) {
                scheduler.cancel(each.request());
            }
        }
    }

    private void launched() {
        look();
        options.listener().accept(meter.step(scheduler.facts(), load.generatedTokens()));
    }

    private void look() {
        load = scheduler.load(meter.generationThroughput());
    }

    private final class LocalGeneration implements Generation {
        private final long id;
        private final EventQueue events;

        LocalGeneration(long id, EventQueue events) {
            this.id = id;
            this.events = events;
        }

        @Override
        public Emission next() throws InterruptedException {
            return events.take();
        }

        @Override
        public void finish() {
            inbox.offer(new Message.Finish(id));
        }

        @Override
        public void close() {
            if (!events.hasEnded()) { // else the engine would be woken for nothing
                inbox.offer(new Message.Cancel(id)); // an engine that is gone has ended it already
            }
        }
    }
}
