package espalier.checkpoint.hub;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/** Adds up what the downloads of a request have moved, and passes it on. */
final class Tally {
    private final DownloadProgress progress;
    private final LongSupplier nanoClock;
    private final long startNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Long> doneByEtag = new HashMap<>();
    private final long allBytes;
    private long fetched;

    /** @param here bytes of each file that an earlier download left */
    Tally(DownloadProgress progress, LongSupplier nanoClock, Map<RemoteFile, Long> here) {
        this.progress = progress;
        this.nanoClock = nanoClock;
        this.startNanos = nanoClock.getAsLong();
        here.forEach((file, bytes) -> doneByEtag.put(file.etag(), bytes));
        this.allBytes = here.keySet().stream().mapToLong(RemoteFile::bytes).sum();
    }

    /** The file has {@code fileDone} bytes now, of which the last {@code bytes} came over the network. */
    void fetched(RemoteFile file, long fileDone, long bytes) {
        lock.lock();
        try {
            fetched += bytes;
            move(file, fileDone);
        } finally {
            lock.unlock();
        }
    }

    /** The file has {@code fileDone} bytes now, because somebody else fetched them or because some were of no use. */
    void found(RemoteFile file, long fileDone) {
        lock.lock();
        try {
            move(file, fileDone);
        } finally {
            lock.unlock();
        }
    }

    void note(String message) {
        lock.lock();
        try {
            progress.note(message);
        } finally {
            lock.unlock();
        }
    }

    private void move(RemoteFile file, long fileDone) {
        doneByEtag.put(file.etag(), Math.min(fileDone, file.bytes()));
        long allDone = doneByEtag.values().stream().mapToLong(Long::longValue).sum();
        double seconds = Math.max(1e-3, (nanoClock.getAsLong() - startNanos) * 1e-9);
        progress.update(new DownloadProgress.Transfer(
                file.name(), fileDone, file.bytes(), allDone, allBytes, fetched / seconds));
    }
}
