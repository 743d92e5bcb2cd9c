package espalier.cpu;

import espalier.tensor.host.Parts;
import java.util.List;
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
 *
 * <p>Where lanes have homes on several {@link Nodes}, each node has its share of the parts, in order, by its number of
 * lanes; its lanes take those first and others' only then. So whatever is divided in proportion, as panels of weights and
 * heads of the cache are, is read where {@link #runAtHome} has written it first. The calling thread stays on the first
 * lane's node from then on.
 */
final class Team implements Parts, AutoCloseable {
    /** About 50 microseconds of {@code onSpinWait}; less than a thread's wake-up costs. */
    private static final int SPINS = 2_000;

    private final Worker[] workers;
    private final Placement placement;
    private final Pin pin;
    /** Lanes of node {@code n}, of those that have any, are those from {@code bounds[n]} to {@code bounds[n + 1]}. */
    private final int[] bounds;

    private final int spins;
    /** Before the first: a worker that starts late must not take the first for one that it has done. */
    private final Job none;

    private volatile Job newest;
    private volatile boolean closed;
    private @Nullable Thread caller;

    /** Keeps the calling thread on these processors. */
    interface Pin {
        void to(List<Integer> processors);
    }

    /** Wherever the system lets them run. */
    Team(String name, int lanes) {
        this(name, Placement.anywhere(lanes), Affinity::set);
    }

    Team(String name, Placement placement, Pin pin) {
        this.placement = placement;
        this.pin = pin;
        int lanes = placement.lanes();
        if (lanes < 1) {
            throw new IllegalArgumentException("a team of " + lanes);
        }
        bounds = placement.bounds();
        none = new Job(0, Reach.ALL, (index, lane) -> {});
        newest = none;
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

    /** Nodes on which lanes have their homes. */
    int nodes() {
        return bounds.length - 1;
    }

    private int nodeOf(int lane) {
        int node = 0;
        while (bounds[node + 1] <= lane) {
            node++;
        }
        return node;
    }

    @Override
    public void run(int count, Part part) {
        settle();
        if (count <= 1 || workers.length == 0) {
            for (int i = 0; i < count; i++) {
                part.run(i, 0);
            }
            return;
        }
        run(new Job(count, Reach.ALL, part), Math.min(workers.length, count - 1));
    }

    /** As {@link #run}, but a part is done on the node whose share it is and nowhere else: for memory that is written first. */
    void runAtHome(int count, Part part) {
        settle();
        run(new Job(count, Reach.HOME, part), workers.length);
    }

    private void run(Job job, int wanted) {
        newest = job;
        for (int i = 0; i < wanted; i++) {
            workers[i].wake();
        }
        job.work(0);
        job.await();
    }

    /** The caller is at home where lane 0 is. */
    private void settle() {
        if (!placement.homes().isEmpty() && caller != Thread.currentThread()) {
            caller = Thread.currentThread();
            pin.to(placement.homes().getFirst().processors());
        }
    }

    @Override
    public void close() {
        closed = true;
        for (Worker worker : workers) {
            LockSupport.unpark(worker.thread);
        }
    }

    /** Whose parts a lane does. */
    private enum Reach {
        /** Its node's first, then any. */
        ALL,
        /** Its node's alone. */
        HOME
    }

    /** One job's parts; late workers find nothing left and touch nothing. */
    private final class Job {
        private final int count;
        private final Reach reach;
        private final Part part;
        /** The next part of each node's share. */
        private final AtomicInteger[] claimed = new AtomicInteger[nodes()];

        private final AtomicInteger done = new AtomicInteger();
        private volatile @Nullable Throwable failure;

        Job(int count, Reach reach, Part part) {
            this.count = count;
            this.reach = reach;
            this.part = part;
            for (int node = 0; node < claimed.length; node++) {
                claimed[node] = new AtomicInteger(begin(node));
            }
        }

        /** The first part of a node's share. */
        private int begin(int node) {
            return (int) ((long) count * bounds[node] / bounds[bounds.length - 1]);
        }

        void work(int lane) {
            int home = nodeOf(lane);
            workOn(home, lane);
            for (int i = 1; i < claimed.length && reach == Reach.ALL; i++) {
                workOn((home + i) % claimed.length, lane);
            }
        }

        private void workOn(int node, int lane) {
            AtomicInteger next = claimed[node];
            int end = begin(node + 1);
            int index;
            while ((index = next.getAndIncrement()) < end) {
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
            if (!placement.homes().isEmpty()) {
                pin.to(placement.homes().get(lane).processors());
            }
            Job last = none;
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
