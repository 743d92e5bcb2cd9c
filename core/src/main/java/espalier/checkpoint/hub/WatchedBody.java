package espalier.checkpoint.hub;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * An answer's body whose reader does not wait for ever. A connection can die without a word: no error ever comes. So a
 * thread looks on, and closes the stream when nothing has arrived for a while; that wakes the reader with an
 * {@link IOException}.
 */
final class WatchedBody implements AutoCloseable {
    private final InputStream in;
    private final AtomicLong arrived = new AtomicLong();
    private final CountDownLatch done = new CountDownLatch(1);

    /** @param stall without a byte, after which the connection counts as dead */
    WatchedBody(InputStream in, Duration stall) {
        this.in = in;
        Thread.ofVirtual().start(() -> closeWhenStalled(stall));
    }

    /** As {@link InputStream#read(byte[])}. */
    int read(byte[] buffer) throws IOException {
        int n = in.read(buffer);
        arrived.addAndGet(Math.max(0, n));
        return n;
    }

    /** The whole body, or a little more than {@code most} bytes of it where it is longer. */
    byte[] readAll(int most) throws IOException {
        var all = new ByteArrayOutputStream();
        byte[] buffer = new byte[1 << 16];
        for (int n; all.size() <= most && (n = read(buffer)) >= 0; ) {
            all.write(buffer, 0, n);
        }
        return all.toByteArray();
    }

    private void closeWhenStalled(Duration stall) {
        try {
            long before = -1;
            while (!done.await(stall.toMillis(), TimeUnit.MILLISECONDS)) {
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

    @Override
    public void close() throws IOException {
        done.countDown();
        in.close();
    }
}
