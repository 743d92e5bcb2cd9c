package espalier.engine;

import espalier.api.Profile;
import espalier.exec.Executor;
import espalier.exec.StepTrace;
import espalier.sched.StepFacts;
import espalier.step.StepPlan;
import java.io.IOException;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** The profile of one engine: what its thread does is added here, the rest by the executor. */
final class StepProfile implements Profile {
    private static final String PLAN = "plan";
    private static final String COMPLETE = "complete";

    private final StepTrace trace;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Steps asked;
    private final String device;
    private final Predicate<StepProfile> stop;
    private final AtomicInteger steps = new AtomicInteger();
    private long last = -1;
    private boolean begun;
    private boolean over;

    /**
     * @param trace into which it is written; the profile ends by itself once that is full
     * @param stop ends it between two steps of the engine; false where the engine has ended
     */
    StepProfile(Steps asked, String device, StepTrace trace, Predicate<StepProfile> stop) {
        this.asked = asked;
        this.trace = trace;
        this.device = device;
        this.stop = stop;
    }

    // The engine's thread

    /** A plan was made, and is launched next. */
    void planned(StepPlan plan, StepFacts facts, long begunNanos, Executor executor) {
        if (over || last >= 0 || plan.number() < asked.first()) {
            return;
        }
        if (!begun) {
            begun = true;
            var _ = executor.trace(trace); // nothing was traced before
        }
        last = steps.incrementAndGet() == asked.count() || trace.isFull() ? plan.number() : -1;
        trace.add(new StepTrace.Span(
                StepTrace.SCHEDULER, PLAN, plan.number(), begunNanos, System.nanoTime(), describe(facts)));
    }

    private static Map<String, Number> describe(StepFacts facts) {
        var numbers = new LinkedHashMap<String, Number>();
        numbers.put("prompt tokens", facts.promptTokens());
        numbers.put("cached tokens", facts.cachedTokens());
        numbers.put("decodes", facts.decodes());
        numbers.put("new sequences", facts.newSequences());
        numbers.put("running", facts.runningRequests());
        numbers.put("waiting", facts.waitingRequests());
        numbers.put("used tokens", facts.usedTokens());
        return numbers;
    }

    /** The thread waited for a step's tokens until {@code knownNanos}, and has handed them on now. */
    void awaited(long step, long begunNanos, long knownNanos, Executor executor) {
        if (begun && !over) {
            trace.add(new StepTrace.Span(StepTrace.SCHEDULER, "wait", step, begunNanos, knownNanos, Map.of()));
            trace.until(StepTrace.SCHEDULER, COMPLETE, step, knownNanos);
            if (step == last) {
                end(executor);
            }
        }
    }

    /** Writes nothing more down; what the device has under way is waited for by the ranks. */
    void end(Executor executor) {
        if (!over) {
            over = true;
            var _ = executor.trace(null).whenComplete((_, _) -> ended.complete(null));
        }
    }

    /** Whether there is nothing more to tell it. */
    boolean isOver() {
        return over;
    }

    // Any thread

    /** The engine has ended. */
    void lost() {
        ended.complete(null);
    }

    @Override
    public void stop() {
        if (!ended.isDone() && !stop.test(this)) {
            lost();
        }
        ended.join();
    }

    @Override
    public CompletableFuture<Void> ended() {
        return ended.copy();
    }

    @Override
    public int steps() {
        return steps.get();
    }

    @Override
    public double decodeBusyShare() {
        return trace.decodeBusyShare();
    }

    @Override
    public Shares shares() {
        return new Shares(
                trace.share(StepTrace.DEVICES, StepTrace.PASS),
                trace.share(StepTrace.DEVICES, StepTrace.CHOOSE),
                trace.share(StepTrace.SCHEDULER, PLAN, COMPLETE));
    }

    @Override
    public void write(OutputStream to) throws IOException {
        new ChromeTrace(trace.spans(), device).write(to);
    }
}
