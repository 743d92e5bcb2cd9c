package espalier.cuda.driver;

import java.util.stream.IntStream;

/**
 * The numbers of rows that products are measured at; others take what was found at the next one up. Powers of two, and
 * between 128 and 1,024 three more in each octave, one beyond: what is best at 1,024 rows takes 5 ms more than it should
 * for a step of 550 (Llama-3.1-8B's shape, H200).
 */
public final class ProductRows {
    private static final int FIRST = 8;
    private static final int QUARTERS_FROM = 128;
    private static final int HALVES_FROM = 1024;

    private ProductRows() {}

    /** The least of them that is no less than {@code rows}. */
    public static int above(int rows) {
        int power = Math.max(FIRST, Integer.highestOneBit(Math.max(1, 2 * rows - 1)));
        int step = power <= QUARTERS_FROM ? power : power <= HALVES_FROM ? power / 8 : power / 4;
        return Math.ceilDiv(Math.max(rows, power / 2 + 1), step) * step;
    }

    /** All of them up to {@code most}, ascending. */
    public static IntStream upTo(int most) {
        return IntStream.iterate(FIRST, rows -> rows <= most, rows -> above(rows + 1));
    }
}
