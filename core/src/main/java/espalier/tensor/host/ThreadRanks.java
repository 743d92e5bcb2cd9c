package espalier.tensor.host;

import espalier.api.EngineFault;
import espalier.tensor.Collective;
import espalier.tensor.DType;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A tensor-parallel group whose ranks are threads of one process that see each other's memory.
 *
 * <p>Each call is: post your tensor, meet, do your share for everyone, meet again. In a sum, rank {@code r} adds the
 * {@code r}-th part of the elements, over the ranks in rank order, and writes the result into every rank's tensor; so
 * all ranks hold the same bits. A meeting is a barrier without a lock: ranks arrive within microseconds of each other, so
 * they spin for a while before they sleep. Once a rank has left ({@link #leave}: its device was
 * closed, or its thread failed), everyone who waits or comes later gets an {@link EngineFault} in place of a wait that
 * never ends.
 */
public final class ThreadRanks {
    /** About half a millisecond; with more ranks than processors it would only keep the others from arriving. */
    private static final int SPINS = 10_000;

    /** Floats that a rank adds at once: its scratch stays in the first-level cache. */
    private static final int CHUNK = 2_048;

    private final int spins;
    private final @Nullable Tensor[] posted;
    private final AtomicInteger arrived = new AtomicInteger();
    private volatile long round;
    private volatile @Nullable String broken;
    // For those who have spun in vain.
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition moved = lock.newCondition();
    private volatile int asleep;

    public ThreadRanks(int ranks) {
        if (ranks < 1) {
            throw new IllegalArgumentException("a group of " + ranks + " ranks");
        }
        posted = new @Nullable Tensor[ranks];
        spins = ranks <= Runtime.getRuntime().availableProcessors() ? SPINS : 0;
    }

    /** A group of one, for which every call is done at once. */
    public static Collective alone() {
        return new ThreadRanks(1).rank(0);
    }

    /** The group as seen from one of its threads. */
    public Collective rank(int rank) {
        return new Member(java.util.Objects.checkIndex(rank, posted.length));
    }

    /** Takes a rank out for good and releases those who wait for it. The first reason given is the one reported. */
    public void leave(int rank, String why) {
        lock.lock();
        try {
            if (broken == null) {
                broken = "rank " + rank + " of " + posted.length + " left the group: " + why;
            }
            moved.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void meet() {
        requireWhole();
        long mine = round; // it cannot move on without this rank
        if (arrived.incrementAndGet() == posted.length) {
            arrived.set(0);
            round = mine + 1;
            wakeSleepers();
            return;
        }
        for (int i = 0; i < spins && round == mine && broken == null; i++) {
            Thread.onSpinWait();
        }
        if (round == mine) {
            sleep(mine);
        }
    }

    /** The round is set before sleepers are looked for, and they count themselves before they look at the round. */
    private void wakeSleepers() {
        if (asleep > 0) {
            lock.lock();
            try {
                moved.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // written under the lock alone
    private void sleep(long mine) {
        lock.lock();
        try {
            asleep++;
            while (round == mine) {
                requireWhole();
                moved.awaitUninterruptibly();
            }
        } finally {
            asleep--;
            lock.unlock();
        }
    }

    private void requireWhole() {
        String why = broken;
        if (why != null) {
            throw new EngineFault(EngineFault.Code.DEVICE, why + "; this rank cannot go on without it");
        }
    }

    private final class Member implements Collective {
        private final int rank;
        private final float[] sum = new float[CHUNK];
        private final float[] term = new float[CHUNK];

        Member(int rank) {
            this.rank = rank;
        }

        @Override
        public int rank() {
            return rank;
        }

        @Override
        public int ranks() {
            return posted.length;
        }

        @Override
        public void allReduce(Tensor x) {
            requireNumbers(x);
            if (posted.length == 1) {
                return;
            }
            posted[rank] = x;
            meet();
            for (Tensor t : posted) {
                x.requireShape(there(t).rows(), there(t).cols());
            }
            long all = (long) x.rows() * x.cols();
            addRange(all * rank / posted.length, all * (rank + 1) / posted.length, x.cols());
            meet();
        }

        /** Elements {@code [from, to)} in row order, row by row. */
        private void addRange(long from, long to, int cols) {
            for (long i = from; i < to; ) {
                int row = (int) (i / cols);
                int col = (int) (i % cols);
                int count = (int) Math.min(Math.min(to - i, cols - col), CHUNK);
                addRow(row, col, count);
                i += count;
            }
        }

        private void addRow(int row, int col, int count) {
            take(there(posted[0]), row, col, count, sum);
            for (int r = 1; r < posted.length; r++) {
                take(there(posted[r]), row, col, count, term);
                for (int j = 0; j < count; j++) {
                    sum[j] += term[j];
                }
            }
            for (Tensor t : posted) {
                MemorySegment to = HostBuffer.memory(there(t).buffer());
                MemorySegment.copy(sum, 0, to, ValueLayout.JAVA_FLOAT_UNALIGNED, Cells.at(there(t), row, col), count);
            }
        }

        private static void take(Tensor t, int row, int col, int count, float[] to) {
            MemorySegment from = HostBuffer.memory(t.buffer());
            MemorySegment.copy(from, ValueLayout.JAVA_FLOAT_UNALIGNED, Cells.at(t, row, col), to, 0, count);
        }

        @Override
        public void allGather(Tensor x, Tensor out) {
            requireNumbers(x);
            requireNumbers(out);
            posted[rank] = x;
            meet();
            int from = 0;
            for (Tensor p : posted) {
                Tensor t = there(p);
                t.requireShape(out.rows(), t.cols());
                Tensor to = out.cols(from, t.cols());
                for (int i = 0; i < t.rows(); i++) {
                    MemorySegment.copy(
                            HostBuffer.memory(t.buffer()),
                            Cells.at(t, i, 0),
                            HostBuffer.memory(to.buffer()),
                            Cells.at(to, i, 0),
                            4L * t.cols());
                }
                from += t.cols();
            }
            out.requireShape(out.rows(), from);
            meet();
        }

        private static Tensor there(@Nullable Tensor t) {
            return java.util.Objects.requireNonNull(t, "posted before the meeting");
        }

        private static void requireNumbers(Tensor x) {
            if (x.dtype() != DType.F32) {
                throw new IllegalArgumentException("ranks exchange F32, not " + x.dtype());
            }
        }
    }
}
