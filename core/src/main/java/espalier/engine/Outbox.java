package espalier.engine;

import espalier.api.Emission;
import espalier.api.RequestRejected;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The open requests, each with the queue on which its owner waits. The terminal event closes a request, once. */
final class Outbox {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition emptied = lock.newCondition();
    private final Map<Long, EventQueue> open = new HashMap<>();
    private final Set<String> names = new HashSet<>();

    /** Opens the queue of a request before it is handed in, so that no event can miss it. */
    EventQueue open(long id, String rid) {
        lock.lock();
        try {
            if (!names.add(rid)) {
                throw RequestRejected.invalid("rid", "Duplicate request ID detected: " + rid);
            }
            var queue = new EventQueue(rid);
            open.put(id, queue);
            return queue;
        } finally {
            lock.unlock();
        }
    }

    /** Takes back an {@link #open} whose request was not handed in after all. */
    void withdraw(long id) {
        close(id);
    }

    /** False where there was no memory for it: the request has ended for its owner, and nothing more is to be done for it. */
    boolean put(Emission emission) {
        EventQueue queue = switch (emission) {
            case Emission.Token t -> find(t.request());
            case Emission.Done d -> close(d.request());
            case Emission.Failed f -> close(f.request());
        };
        if (queue == null || queue.put(emission)) {
            return true;
        }
        close(emission.request());
        return false;
    }

    /** Ends every open request with {@code cause}. */
    void failAll(RuntimeException cause) {
        List<Long> ids;
        lock.lock();
        try {
            ids = new ArrayList<>(open.keySet());
        } finally {
            lock.unlock();
        }
        for (long id : ids) {
            var _ = put(new Emission.Failed(id, cause));
        }
    }

    /** Waits until no request is open; false where some still are after {@code limit}. */
    boolean awaitEmpty(Duration limit) throws InterruptedException {
        long left = TimeUnit.NANOSECONDS.convert(limit);
        lock.lock();
        try {
            while (!open.isEmpty()) {
                if (left <= 0) {
                    return false;
                }
                left = emptied.awaitNanos(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    private @Nullable EventQueue find(long id) {
        lock.lock();
        try {
            return open.get(id);
        } finally {
            lock.unlock();
        }
    }

    private @Nullable EventQueue close(long id) {
        lock.lock();
        try {
            EventQueue queue = open.remove(id);
            if (queue != null) {
                names.remove(queue.rid());
                if (open.isEmpty()) {
                    emptied.signalAll();
                }
            }
            return queue;
        } finally {
            lock.unlock();
        }
    }
}
