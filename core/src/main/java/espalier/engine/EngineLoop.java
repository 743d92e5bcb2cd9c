package espalier.engine;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.exec.Executor;
import espalier.exec.Executor.Flight;
import espalier.sched.Scheduler;
import espalier.sched.StepFacts;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The one loop: take in, plan, launch, then hear about the steps before. Up to {@code ahead} steps are in flight while
 * the host works, so what it does for step n - 1 hides behind step n; with 0 each step is finished before the next is
 * planned. Both give the same answers.
 *
 * <p>A request that comes while a step runs can be in no plan that was made before. So the next plan is made as late as it
 * may be, while the step in flight still has enough to do for the plan to reach the device in time.
 */
final class EngineLoop {
    /** Where requests come from. */
    interface Source {
        /**
         * Hands what has come to the scheduler.
         *
         * @param idle whether there is nothing to do until something comes: wait for it then
         * @return false to end the loop
         */
        boolean receive(boolean idle) throws InterruptedException;
    }

    private final Scheduler scheduler;
    private final Executor executor;
    private final Source source;
    private final Consumer<List<Emission>> out;
    private final Runnable launched;
    private final int ahead;
    private final ArrayDeque<Launched> flights = new ArrayDeque<>();
    private final StepTimes times = new StepTimes();
    private long lastEnd;
    private @Nullable StepProfile profile;

    /** A step under way. */
    private record Launched(long step, Flight flight, StepFacts facts, long nanos) {}

    /** @param launched called when a plan has been launched, before the tokens of earlier ones are waited for */
    EngineLoop(
            Scheduler scheduler,
            Executor executor,
            Source source,
            Consumer<List<Emission>> out,
            Runnable launched,
            int ahead) {
        this.scheduler = scheduler;
        this.executor = executor;
        this.source = source;
        this.out = out;
        this.launched = launched;
        this.ahead = ahead;
    }

    /** From now on the loop tells {@code next} what it does; between two steps. */
    void profile(@Nullable StepProfile next) {
        profile = next;
    }

    /** Tells {@code which} nothing more. */
    void forget(StepProfile which) {
        profile = profile == which ? null : profile;
    }

    void run() throws InterruptedException {
        boolean idle = true;
        while (source.receive(idle)) {
            long begun = System.nanoTime();
            StepPlan plan = scheduler.plan(times.speed());
            List<Emission.Failed> lost = scheduler.lost();
            if (!lost.isEmpty()) {
                out.accept(List.copyOf(lost));
            }
            idle = plan.isEmpty() && flights.isEmpty() && lost.isEmpty();
            if (plan.isEmpty()) {
                finishDownTo(Math.max(0, flights.size() - 1));
                if (idle && !scheduler.isIdle() && !scheduler.isPaused()) {
                    throw new EngineFault(EngineFault.Code.INTERNAL, "requests are open, but no step can be planned");
                }
            } else {
                if (profile != null) {
                    profile.planned(plan, scheduler.facts(), begun, executor);
                }
                long launched = System.nanoTime();
                step(new Launched(plan.number(), executor.launch(plan), scheduler.facts(), launched));
            }
            awaitNewcomers();
        }
    }

    private void awaitNewcomers() {
        if (flights.size() == 1) {
            Launched only = flights.element();
            long now = System.nanoTime();
            LockSupport.parkNanos(times.spareNanos(only.facts, now - begin(only)));
        }
    }

    /** When the device can have begun with it: the step before had ended. */
    private long begin(Launched step) {
        return Math.max(step.nanos, lastEnd);
    }

    private void step(Launched now) {
        boolean late = scheduler.isConstrained();
        if (!late) {
            now.flight.sample(scheduler.sampling()); // nothing to wait for
        }
        launched.run();
        finishDownTo(late ? 0 : Math.max(0, ahead - 1)); // host work of the steps before hides behind this one
        if (late) {
            now.flight.sample(scheduler.sampling()); // the masks now know every token before
        }
        flights.add(now);
        finishDownTo(ahead); // without overlap this step, too, is finished before the next is planned
    }

    private void finishDownTo(int left) {
        while (flights.size() > left) {
            Launched oldest = flights.remove();
            long begun = System.nanoTime();
            StepResult result = oldest.flight.await();
            long known = System.nanoTime();
            times.ended(oldest.facts, known - begin(oldest));
            lastEnd = known;
            out.accept(scheduler.complete(result));
            if (profile != null) {
                profile.awaited(oldest.step, begun, known, executor);
                profile = profile.isOver() ? null : profile; // what it holds is large
            }
        }
    }
}
