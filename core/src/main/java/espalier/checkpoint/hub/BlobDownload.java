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
        boolean stale = false;
        try (FileChannel out = FileChannel.open(
                incomplete, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            while (true) {
                try {
                    if (stale) {
                        // Not where the failure is caught: this can fail as well, and counts as one more try.
                        file = describeAgain(described);
                        stale = false;
                    }
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
                    stale = true;
                }
            }
        }
        Files.move(incomplete, cache.blob(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Where the file is now: a signed address may have expired. */
    private RemoteFile describeAgain(RemoteFile described) throws IOException {
        RemoteFile now = client.describe(listing, described.name());
        if (!now.etag().equals(described.etag())) {
            throw HubErrors.fault(now.name() + ": it changed during the download; start again");
        }
        return now;
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
        try (var in = new WatchedBody(response.body(), limits.stall())) {
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

    private void copy(RemoteFile file, WatchedBody in, FileChannel out, Checksum checksum, Limits.Patience patience)
            throws IOException {
        byte[] buffer = new byte[BUFFER_BYTES];
        // A server that sends more than it said is stopped at the first byte too many; the checksum tells.
        for (int n; out.size() <= file.bytes() && (n = in.read(buffer)) >= 0; ) {
            write(file, out, ByteBuffer.wrap(buffer, 0, n));
            checksum.add(buffer, n);
            patience.moved();
            tally.fetched(file, out.size(), n);
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
                            + "; free some space, or name a folder on a larger disk by --download-dir or HF_HOME",
                    e);
        }
    }

    static String reason(IOException e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }
}
