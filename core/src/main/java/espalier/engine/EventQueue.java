package espalier.engine;

import espalier.api.Emission;
import espalier.api.EngineFault;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * One request's events on their way to its owner. It has no bound of its own: a request emits no more than its tokens,
 * and the engine never waits for a slow reader.
 */
final class EventQueue {
    private final String rid;
    private final BlockingQueue<Emission> events;
    private volatile boolean ended;

    EventQueue(String rid) {
        this(rid, new LinkedBlockingQueue<>());
    }

    EventQueue(String rid, BlockingQueue<Emission> events) {
        this.rid = rid;
        this.events = events;
    }

    String rid() {
        return rid;
    }

    /** Whether the terminal event was taken. */
    boolean hasEnded() {
        return ended;
    }

    /** False where there was no memory for it: what nobody has read yet gives way to an end that says so. */
    boolean put(Emission emission) {
        try {
            events.add(emission);
            return true;
        } catch (OutOfMemoryError none) {
            events.clear();
            events.add(new Emission.Failed(
                    emission.request(), EngineFault.outOfMemory("its answer waited to be read", none)));
            return false;
        }
    }

    /** The next event; called by one thread at a time. */
    Emission take() throws InterruptedException {
        if (ended) {
            throw new IllegalStateException("request " + rid + " has ended; nothing follows its terminal event");
        }
        Emission next = events.take();
        ended = !(next instanceof Emission.Token);
        return next;
    }
}
