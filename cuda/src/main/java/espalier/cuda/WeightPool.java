package espalier.cuda;

import espalier.cuda.driver.Driver;

/**
 * Memory of the weights, taken in large pieces and handed out in order without gaps, so that matrices that are loaded
 * one after another lie one after another: those that share their input are one product then.
 */
final class WeightPool {
    private static final long ALIGN = 256;
    private static final long PIECE_BYTES = 2L << 30;

    private final Driver driver;
    private final String what;
    private long at;
    private long left;
    private long taken;

    WeightPool(Driver driver, String what) {
        this.driver = driver;
        this.what = what;
    }

    long take(long bytes) {
        long room = Math.ceilDiv(Math.max(1, bytes), ALIGN) * ALIGN;
        if (room > left) {
            long piece = Math.max(room, Math.min(PIECE_BYTES, driver.memory().free() / 32));
            at = driver.allocate(piece, what);
            left = piece;
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
