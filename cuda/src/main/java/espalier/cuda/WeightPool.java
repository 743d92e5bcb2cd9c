package espalier.cuda;

import espalier.cuda.driver.Driver;

/**
 * Memory of the weights, handed out in order without gaps, so that matrices that are loaded one after another lie one after
 * another: those that share their input are one product then. One piece holds all that was {@link #expect}ed; what comes
 * beyond is taken in large pieces.
 */
final class WeightPool {
    private static final long ALIGN = 256;
    private static final long PIECE_BYTES = 2L << 30;

    /** What the least sizes of many small vectors may add up to. */
    static final long ROUNDING_BYTES = 256 << 10;

    private final Driver driver;
    private final String what;
    private long at;
    private long left;
    private long taken;
    private long expected;

    WeightPool(Driver driver, String what) {
        this.driver = driver;
        this.what = what;
    }

    /** So much will be taken; before anything is. */
    void expect(long bytes) {
        expected = bytes + ROUNDING_BYTES;
    }

    long take(long bytes) {
        long room = Math.ceilDiv(Math.max(1, bytes), ALIGN) * ALIGN;
        if (room > left) {
            long piece = expected > 0
                    ? expected
                    : Math.min(PIECE_BYTES, driver.memory().free() / 32);
            expected = 0;
            left = Math.max(room, piece);
            at = driver.allocate(left, what);
        }
        long result = at;
        at += room;
        left -= room;
        taken += room;
        return result;
    }

    long takenBytes() {
        return taken;
    }
}
