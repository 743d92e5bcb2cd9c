package espalier.engine;

import espalier.api.Emission;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * One request's events on their way to its owner. It has no bound of its own: a request emits no more than its tokens,
 * and the engine never waits for a slow reader.
 */
final class EventQueue {
    private final String rid;
    private final BlockingQueue<Emission> events = new LinkedBlockingQueue<>();
    private volatile boolean ended;

    EventQueue(String rid) {
        this.rid = rid;
    }

    String rid() {
        return rid;
    }

    /** Whether the terminal event was taken. */
    boolean hasEnded() {
        return ended;
    }

    void put(Emission emission) {
        events.add(emission);
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
