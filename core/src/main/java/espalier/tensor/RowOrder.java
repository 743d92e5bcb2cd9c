package espalier.tensor;

/**
 * Which stored row a row of a matrix is: its own number, or, in runs of {@code run} rows, the first half's are the even ones
 * and the second half's the odd ones. Files of ggml keep the rows of rotated heads so, since it rotates neighbours.
 *
 * @param run an even number; 0 where all rows are where they belong
 */
public record RowOrder(int run) {
    /** Row after row. */
    public static final RowOrder PLAIN = new RowOrder(0);

    public RowOrder {
        if (run < 0 || run % 2 != 0) {
            throw new IllegalArgumentException("runs of " + run + " rows have no halves");
        }
    }

    /** Where a row is stored. */
    public int stored(int row) {
        if (run == 0) {
            return row;
        }
        int half = run / 2;
        int within = row % run;
        return row - within + within % half * 2 + within / half;
    }

    /** Stored rows from a row of such a {@link #stretch} to the next. */
    public int step() {
        return run == 0 ? 1 : 2;
    }

    /** Of {@code count} rows from {@code row} on, how many of the first are stored equally far apart. */
    public int stretch(int row, int count) {
        return run == 0 ? count : Math.min(count, run / 2 - row % (run / 2));
    }
}
