package espalier.checkpoint.hub;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How patient a download is.
 *
 * @param tries in a row that may fail without a byte's progress
 * @param firstPause after a first failure; it doubles with each further one
 * @param stall without a byte after which a connection counts as dead
 * @param files downloaded at once
 */
record Limits(int tries, Duration firstPause, Duration stall, int files, FreeSpace freeSpace) {
    static final Limits DEFAULT = new Limits(
            6,
            Duration.ofSeconds(1),
            Duration.ofSeconds(30),
            8,
            folder -> java.nio.file.Files.getFileStore(folder).getUsableSpace());

    /** Bytes that may still be written to a folder. */
    interface FreeSpace {
        long of(Path folder) throws IOException;
    }

    /** Counts the failures of one task. */
    final class Patience {
        /** Cuts that made progress in between are forgiven this often. */
        private static final int MOST_FAILURES = 200;

        private final int tries;
        private int inARow;
        private int all;

        private Patience(int tries) {
            this.tries = tries;
        }

        void moved() {
            inARow = 0;
        }

        /** Pauses before another try, or passes the failure on where it was the last. */
        void failed(IOException failure) throws IOException {
            inARow++;
            all++;
            if (inARow >= tries || all >= MOST_FAILURES) {
                throw failure;
            }
            pause(firstPause.multipliedBy(1L << Math.min(inARow - 1, 6)));
        }
    }

    Patience patience() {
        return new Patience(tries);
    }

    /** Gives up at the first failure. */
    Patience impatience() {
        return new Patience(1);
    }

    private static void pause(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    static espalier.api.EngineFault interrupted() {
        Thread.currentThread().interrupt();
        return HubErrors.fault(
                "the download was interrupted; what is here is kept, and the next start goes on from it");
    }
}
