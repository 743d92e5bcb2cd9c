package espalier.cuda.kernel;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Stream;

/**
 * Where kernels take the device memory from that they keep for themselves: the device, or nowhere at all, to learn how much
 * it would be before anything is taken. So there is no second formula for what a kernel takes.
 */
sealed interface OwnMemory {
    /** Bytes of any contents. */
    long take(long bytes, String what);

    /** Bytes that are zero, a whole number of words. */
    long zeroed(long bytes, String what);

    /** Of a device; what is zeroed is so before whatever is queued on the stream from now on. */
    record OfDevice(Driver driver, Stream stream) implements OwnMemory {
        @Override
        public long take(long bytes, String what) {
            return driver.allocate(bytes, what);
        }

        @Override
        public long zeroed(long bytes, String what) {
            long at = take(bytes, what);
            driver.fill(stream, at, 0, bytes / Integer.BYTES);
            return at;
        }
    }

    /** Takes nothing and counts, in the units in which a driver hands memory out. */
    final class Counted implements OwnMemory {
        private static final long UNIT_BYTES = 512;

        private long bytes;

        long bytes() {
            return bytes;
        }

        @Override
        public long take(long more, String what) {
            bytes += Math.ceilDiv(more, UNIT_BYTES) * UNIT_BYTES;
            return 0;
        }

        @Override
        public long zeroed(long more, String what) {
            return take(more, what);
        }
    }
}
