package espalier.engine;

import espalier.api.EngineFault;
import espalier.exec.Executor;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.concurrent.Semaphore;

/** An executor whose results come when the test lets them, so a test knows what is in flight without waiting for time. */
final class GatedExecutor implements Executor {
    private final Executor inner;

    /** One permit for each result. */
    final Semaphore results = new Semaphore(0);

    /** One permit for each plan launched. */
    final Semaphore launches = new Semaphore(0);

    GatedExecutor(Executor inner) {
        this.inner = inner;
    }

    private volatile boolean closed;

    void openForGood() {
        results.release(Integer.MAX_VALUE / 4);
    }

    @Override
    public int depth() {
        return inner.depth();
    }

    @Override
    public Flight launch(StepPlan plan) {
        Flight flight = inner.launch(plan);
        return new Flight() {
            @Override
            public void sample(SamplingBatch how) {
                flight.sample(how);
                launches.release();
            }

            @Override
            public StepResult await() {
                results.acquireUninterruptibly();
                if (closed) {
                    throw new EngineFault(EngineFault.Code.INTERNAL, "the executor is closed");
                }
                return flight.await();
            }
        };
    }

    @Override
    public void close() {
        closed = true;
        openForGood();
        inner.close();
    }
}
