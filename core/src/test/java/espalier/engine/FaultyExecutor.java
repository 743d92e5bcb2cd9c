package espalier.engine;

import espalier.exec.Executor;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** An executor of which one call fails. Calls of all kinds are counted together. */
final class FaultyExecutor implements Executor {
    private final Executor inner;
    private final int failing;
    private final Supplier<RuntimeException> fault;
    private final AtomicInteger calls = new AtomicInteger();

    FaultyExecutor(Executor inner, int failing, Supplier<RuntimeException> fault) {
        this.inner = inner;
        this.failing = failing;
        this.fault = fault;
    }

    boolean hasFailed() {
        return calls.get() > failing;
    }

    private void call() {
        if (calls.getAndIncrement() == failing) {
            throw fault.get();
        }
    }

    @Override
    public int depth() {
        return inner.depth();
    }

    @Override
    public Flight launch(StepPlan plan) {
        call();
        Flight flight = inner.launch(plan);
        return new Flight() {
            @Override
            public void sample(SamplingBatch how) {
                call();
                flight.sample(how);
            }

            @Override
            public StepResult await() {
                call();
                return flight.await();
            }
        };
    }

    @Override
    public void close() {
        inner.close();
    }
}
