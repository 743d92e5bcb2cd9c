package espalier.http;

import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bytes on their way from an endpoint's thread to a socket's. What is put while the socket's thread is busy is taken in
 * one piece; whoever puts waits while the socket has too many bytes untaken, and nobody else does.
 */
final class Outflow {
    private final int mostUnsentBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    private byte[] pending = new byte[512];
    private int pendingBytes;
    private int unsentBytes;
    private boolean announced;
    private boolean stopped;

    Outflow(int mostUnsentBytes) {
        this.mostUnsentBytes = mostUnsentBytes;
    }

    /** Adds {@code bytes[0, length)}; true when the socket's thread has to be told that there is something to take. */
    boolean put(byte[] bytes, int length) throws InterruptedException {
        lock.lock();
        try {
            while (unsentBytes > mostUnsentBytes && !stopped) {
                room.await();
            }
            if (stopped) {
                return false;
            }
            if (pendingBytes + length > pending.length) {
                pending = Arrays.copyOf(pending, Math.max(2 * pending.length, pendingBytes + length));
            }
            System.arraycopy(bytes, 0, pending, pendingBytes, length);
            pendingBytes += length;
            unsentBytes += length;
            boolean first = !announced;
            announced = true;
            return first;
        } finally {
            lock.unlock();
        }
    }

    /** Everything that was put since the last call. */
    byte[] take() {
        lock.lock();
        try {
            announced = false;
            byte[] taken = Arrays.copyOf(pending, pendingBytes);
            pendingBytes = 0;
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /** The socket has sent {@code bytes} of what was taken. */
    void sent(int bytes) {
        lock.lock();
        try {
            unsentBytes -= bytes;
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Drops what is put from now on, and lets those go on who wait. */
    void stop() {
        lock.lock();
        try {
            stopped = true;
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
