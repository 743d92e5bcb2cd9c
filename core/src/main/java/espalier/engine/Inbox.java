package espalier.engine;

import espalier.api.GenerateRequest;
import espalier.step.TokenRules;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** What any thread wants of the engine thread. Once closed it takes nothing more, so nothing in it is ever forgotten. */
final class Inbox {
    /** A wish. */
    sealed interface Message {
        record Submit(
                long id,
                GenerateRequest request,
                long seed,
                @Nullable TokenRules rules) implements Message {}

        record Cancel(long id) implements Message {}

        record Finish(long id) implements Message {}

        /** Something to be done between two steps; {@code done} hears its result, or false where the engine has ended. */
        record Call(BooleanSupplier task, CompletableFuture<Boolean> done) implements Message {}
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private List<Message> messages = new ArrayList<>();
    private boolean closed;

    /** False where it is closed; the message is not taken then. */
    boolean offer(Message message) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            messages.add(message);
            changed.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    void close() {
        lock.lock();
        try {
            closed = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Everything that has come, in order; perhaps nothing. */
    List<Message> poll() {
        lock.lock();
        try {
            var taken = messages;
            messages = new ArrayList<>();
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #poll}, but waits until something has come or the inbox is closed. */
    List<Message> take() throws InterruptedException {
        lock.lock();
        try {
            while (messages.isEmpty() && !closed) {
                changed.await();
            }
            return poll();
        } finally {
            lock.unlock();
        }
    }
}
