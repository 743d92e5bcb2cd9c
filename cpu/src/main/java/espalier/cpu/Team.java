package espalier.cpu;

import espalier.tensor.host.Parts;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that do the parts of one job after another; the caller is lane 0 and works too.
 *
 * <p>What a part computes does not depend on who does it, so parts are claimed by a counter: a thread that the system
 * keeps waiting costs no more than the part that it holds. Between jobs a worker spins for some tens of microseconds,
 * since the next op of a step follows that soon, and then parks until the caller wakes it. One thread at a time may
 * call {@link #run}.
 */
final class Team implements Parts, AutoCloseable {
    /** About 50 microseconds of {@code onSpinWait}; less than a thread's wake-up costs. */
    private static final int SPINS = 2_000;

    private final Worker[] workers;
    private final int spins;
    private volatile Job newest = new Job(0, (index, lane) -> {});
    private volatile boolean closed;

    Team(String name, int lanes) {
        if (lanes < 1) {
            throw new IllegalArgumentException("a team of " + lanes);
        }
        spins = lanes <= Runtime.getRuntime().availableProcessors() ? SPINS : 0;
        workers = new Worker[lanes - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(name + "-" + (i + 1), i + 1);
            workers[i].thread.start();
        }
    }

    @Override
    public int lanes() {
        return workers.length + 1;
    }

    @Override
    public void run(int count, Part part) {
        if (count <= 1 || workers.length == 0) {
            for (int i = 0; i < count; i++) {
                part.run(i, 0);
            }
            return;
        }
        var job = new Job(count, part);
        newest = job;
        for (int i = 0; i < Math.min(workers.length, count - 1); i++) {
            workers[i].wake();
        }
        job.work(0);
        job.await();
    }

    @Override
    public void close() {
        closed = true;
        for (Worker worker : workers) {
            LockSupport.unpark(worker.thread);
        }
    }

    /** One job's parts; late workers find nothing left and touch nothing. */
    private static final class Job {
        private final int count;
        private final Part part;
        private final AtomicInteger claimed = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private volatile @Nullable Throwable failure;

        Job(int count, Part part) {
            this.count = count;
            this.part = part;
        }

        void work(int lane) {
            int index;
            while ((index = claimed.getAndIncrement()) < count) {
                try {
                    if (failure == null) { // the others would compute what nobody reads
                        part.run(index, lane);
                    }
                } catch (Throwable t) { // whatever it is, it belongs to the caller
                    failure = t;
                }
                done.incrementAndGet();
            }
        }

        @SuppressWarnings("ThreadPriorityCheck") // yields to whoever keeps a worker from finishing its part
        void await() {
            for (int i = 0; done.get() < count; i++) {
                if (i < SPINS) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
            Throwable t = failure;
            if (t instanceof RuntimeException e) {
                throw e;
            } else if (t instanceof Error e) {
                throw e;
            }
        }
    }

    private final class Worker {
        private final Thread thread;
        private final int lane;
        private volatile boolean parked;

        Worker(String name, int lane) {
            this.lane = lane;
            thread = Thread.ofPlatform().name(name).daemon().unstarted(this::loop);
        }

        void wake() {
            if (parked) {
                LockSupport.unpark(thread);
            }
        }

        private void loop() {
            Job last = newest;
            while (!closed) {
                Job job = newest;
                for (int i = 0; job == last && i < spins; i++) {
                    Thread.onSpinWait();
                    job = newest;
                }
                if (job == last) {
                    parked = true;
                    // the caller sets the job before it looks at `parked`, so one of the two sees the other
                    while ((job = newest) == last && !closed) {
                        LockSupport.park(Team.this);
                    }
                    parked = false;
                }
                job.work(lane);
                last = job;
            }
        }
    }
}
