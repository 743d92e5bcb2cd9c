package espalier.exec;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells a device that hangs from one that is slow. A step of a very large model may take minutes on a CPU, but its layers
 * follow one another; so patience ends only when nothing has moved for that long. A GPU's layers are queued at once, or by
 * one call that repeats a recording: there it is the whole step that may take so long.
 */
final class Watchdog {
    private final Duration patience;
    private final AtomicLong moves = new AtomicLong();

    Watchdog(Duration patience) {
        this.patience = patience;
    }

    Duration patience() {
        return patience;
    }

    /** A rank has done a part of a step. Any thread. */
    void moved() {
        moves.incrementAndGet();
    }

    /**
     * Waits as long as something moves.
     *
     * @throws TimeoutException where nothing has for the whole of its patience; it may have waited twice as long
     */
    <T> T await(CompletableFuture<T> result) throws TimeoutException, InterruptedException, ExecutionException {
        while (true) {
            long before = moves.get();
            try {
                return result.get(patience.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                if (moves.get() == before) {
                    throw e;
                }
            }
        }
    }
}
