package espalier.http;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bytes on their way from an endpoint's thread to a socket's. What is put while the socket's thread is busy is taken in
 * one piece; whoever puts waits while the socket has too many bytes untaken, and nobody else does. A client that takes
 * none of them for too long is given up.
 */
final class Outflow {
    /** What becomes of bytes that are put. */
    enum Put {
        /** The socket's thread has to be told that there is something to take. */
        ANNOUNCE,
        /** It has been told and has not come yet. */
        ANNOUNCED,
        /** Nobody wants them any more. */
        DROPPED,
        /** Dropped, for the first time, because the client has read nothing for too long. */
        STALLED
    }

    private final int mostUnsentBytes;
    private final long patienceNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    private byte[] pending = new byte[512];
    private int pendingBytes;
    private int unsentBytes;
    private long sentBytes;
    private boolean announced;
    private boolean stopped;

    Outflow(int mostUnsentBytes, Duration patience) {
        this.mostUnsentBytes = mostUnsentBytes;
        this.patienceNanos = patience.toNanos();
    }

    /** Adds {@code bytes[0, length)}, once there is room. */
    Put put(byte[] bytes, int length) throws InterruptedException {
        lock.lock();
        try {
            if (!awaitRoom()) {
                stopped = true;
                room.signalAll();
                return Put.STALLED;
            }
            if (stopped) {
                return Put.DROPPED;
            }
            if (pendingBytes + length > pending.length) {
                pending = Arrays.copyOf(pending, Math.max(2 * pending.length, pendingBytes + length));
            }
            System.arraycopy(bytes, 0, pending, pendingBytes, length);
            pendingBytes += length;
            unsentBytes += length;
            Put put = announced ? Put.ANNOUNCED : Put.ANNOUNCE;
            announced = true;
            return put;
        } finally {
            lock.unlock();
        }
    }

    /** False when nothing was sent for as long as patience lasts. */
    private boolean awaitRoom() throws InterruptedException {
        long left = patienceNanos;
        long before = sentBytes;
        while (unsentBytes > mostUnsentBytes && !stopped) {
            if (left <= 0) {
                return false;
            }
            left = room.awaitNanos(left);
            if (sentBytes != before) {
                before = sentBytes;
                left = patienceNanos;
            }
        }
        return true;
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
            sentBytes += bytes;
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
