package espalier.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class OutflowTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    @Test
    void everyByteIsTakenOnceInOrderAndNoAnnouncementIsLost() throws Exception {
        long seed = 7;
        var random = new Random(seed);
        var outflow = new Outflow(1000, PATIENCE);
        var announced = new Semaphore(0);
        var put = new ByteArrayOutputStream();
        var taken = new ByteArrayOutputStream();
        var reader = Thread.ofVirtual().start(() -> {
            while (true) {
                announced.acquireUninterruptibly();
                byte[] part = outflow.take();
                outflow.sent(part.length);
                taken.writeBytes(part);
                if (part.length > 0 && part[part.length - 1] == -1) {
                    return;
                }
            }
        });
        for (int i = 0; i < 20_000; i++) {
            byte[] part = new byte[1 + random.nextInt(60)];
            random.nextBytes(part);
            part[part.length - 1] = (byte) (i == 19_999 ? -1 : 0);
            put.writeBytes(part);
            if (outflow.put(part, part.length) == Outflow.Put.ANNOUNCE) {
                announced.release();
            }
        }
        reader.join();
        assertThat(taken.toByteArray()).as("seed %d", seed).isEqualTo(put.toByteArray());
    }

    @Test
    void whoeverPutsTooMuchWaitsUntilItIsSentOrNobodyWantsIt() throws Exception {
        var outflow = new Outflow(10, PATIENCE);
        outflow.put(new byte[11], 11);
        var through = new CountDownLatch(1);
        var writer = Thread.ofVirtual().start(() -> {
            try {
                outflow.put(new byte[1], 1);
                through.countDown();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        while (writer.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        assertThat(through.getCount()).isEqualTo(1);
        outflow.sent(outflow.take().length);
        assertThat(through.await(10, TimeUnit.SECONDS)).isTrue();

        outflow.put(new byte[100], 100);
        outflow.stop();
        assertThat(outflow.put(new byte[1], 1)).isEqualTo(Outflow.Put.DROPPED);
    }

    @Test
    void aClientThatTakesNothingForTooLongIsGivenUpOnce() throws Exception {
        var outflow = new Outflow(10, Duration.ofMillis(1));
        outflow.put(new byte[11], 11);
        assertThat(outflow.put(new byte[1], 1)).isEqualTo(Outflow.Put.STALLED);
        assertThat(outflow.put(new byte[1], 1)).isEqualTo(Outflow.Put.DROPPED);
    }
}
