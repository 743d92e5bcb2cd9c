package espalier.checkpoint.hub;

import espalier.api.EngineFault;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Brings one file into the cache. After a cut it goes on from the byte where it stopped, in this process or in the next;
 * what arrives is checked against the ETag before it gets its name. One thread uses it.
 */
final class BlobDownload {
    private static final int BUFFER_BYTES = 1 << 18;

    private final HubClient client;
    private final HubClient.Listing listing;
    private final HubCache cache;
    private final Limits limits;
    private final Tally tally;

    BlobDownload(HubClient client, HubClient.Listing listing, HubCache cache, Limits limits, Tally tally) {
        this.client = client;
        this.listing = listing;
        this.cache = cache;
        this.limits = limits;
        this.tally = tally;
    }

    /** Returns when the blob is there and checked. */
    void run(RemoteFile file) throws IOException {
        try (FileChannel lock = cache.lock(file)) {
            assert lock.isOpen();
            if (cache.has(file)) {
                tally.found(file, file.bytes());
            } else {
                fetch(file);
            }
        }
    }

    private void fetch(RemoteFile described) throws IOException {
        RemoteFile file = described;
        Path incomplete = cache.incomplete(file);
        Checksum checksum = new Checksum(file);
        Limits.Patience patience = limits.patience();
        boolean mismatched = false;
        try (FileChannel out = FileChannel.open(
                incomplete, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            while (true) {
                try {
                    receive(file, out, checksum, patience);
                    if (checksum.matches()) {
                        break;
                    }
                    restart(file, out, checksum);
                    if (mismatched) {
                        throw HubErrors.fault(file.name() + ": what was downloaded twice does not have the checksum "
                                + file.etag() + " that the hub states; a proxy or a mirror may alter it");
                    }
                    mismatched = true;
                    tally.note(file.name() + ": the checksum does not match; downloading it again");
                } catch (IOException e) {
                    patience.failed(e);
                    tally.note(file.name() + ": " + reason(e) + "; going on from byte " + out.size());
                    file = client.describe(listing, file.name());
                    if (!file.etag().equals(described.etag())) {
                        throw HubErrors.fault(file.name() + ": it changed during the download; start again");
                    }
                }
            }
        }
        Files.move(incomplete, cache.blob(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** One connection: from where the file ends to its end, or to where the connection does. */
    private void receive(RemoteFile file, FileChannel out, Checksum checksum, Limits.Patience patience)
            throws IOException {
        if (out.size() > file.bytes()) {
            restart(file, out, checksum);
        }
        catchUp(out, checksum);
        if (out.size() == file.bytes()) {
            return;
        }
        HttpResponse<InputStream> response = client.open(file, out.size());
        try (InputStream in = response.body()) {
            if (response.statusCode() == 416 || (response.statusCode() == 206 && !continues(response, out.size()))) {
                restart(file, out, checksum);
                throw new IOException("the server cannot continue at that byte");
            }
            if (response.statusCode() == 200 && out.size() > 0) {
                restart(file, out, checksum);
            }
            copy(file, in, out, checksum, patience);
        }
        if (out.size() < file.bytes()) {
            throw new IOException("the connection ended early");
        }
    }

    private void copy(RemoteFile file, InputStream in, FileChannel out, Checksum checksum, Limits.Patience patience)
            throws IOException {
        AtomicLong arrived = new AtomicLong();
        CountDownLatch done = new CountDownLatch(1);
        Thread.ofVirtual().start(() -> closeWhenStalled(in, arrived, done));
        byte[] buffer = new byte[BUFFER_BYTES];
        try {
            // A server that sends more than it said is stopped at the first byte too many; the checksum tells.
            for (int n; out.size() <= file.bytes() && (n = in.read(buffer)) >= 0; ) {
                arrived.addAndGet(n);
                write(file, out, ByteBuffer.wrap(buffer, 0, n));
                checksum.add(buffer, n);
                patience.moved();
                tally.fetched(file, out.size(), n);
            }
        } finally {
            done.countDown();
        }
    }

    /** A connection can die without a word: no error ever comes. Closing the stream wakes the reader. */
    private void closeWhenStalled(InputStream in, AtomicLong arrived, CountDownLatch done) {
        try {
            long before = -1;
            while (!done.await(limits.stall().toMillis(), TimeUnit.MILLISECONDS)) {
                if (arrived.get() == before) {
                    in.close();
                    return;
                }
                before = arrived.get();
            }
        } catch (InterruptedException | IOException e) {
            // Nobody interrupts this thread, and a stream that fails to close has ended: the reader sees either.
            Thread.currentThread().interrupt();
        }
    }

    /** Hashes what an earlier connection or process left. */
    private static void catchUp(FileChannel out, Checksum checksum) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
        out.position(checksum.bytes());
        while (out.read(buffer.clear()) > 0) {
            checksum.add(buffer.array(), buffer.position());
        }
    }

    private void restart(RemoteFile file, FileChannel out, Checksum checksum) throws IOException {
        tally.found(file, 0);
        out.truncate(0);
        out.position(0);
        checksum.restart();
    }

    private static boolean continues(HttpResponse<?> response, long from) {
        return response.headers()
                .firstValue("Content-Range")
                .filter(range -> range.startsWith("bytes " + from + "-"))
                .isPresent();
    }

    private static void write(RemoteFile file, FileChannel out, ByteBuffer bytes) {
        try {
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
        } catch (IOException e) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    file.name() + ": cannot be written to the cache: " + reason(e)
                            + "; free some space, or set HF_HOME to a folder on a larger disk",
                    e);
        }
    }

    static String reason(IOException e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }
}
