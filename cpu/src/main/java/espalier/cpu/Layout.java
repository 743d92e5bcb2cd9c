package espalier.cpu;

import espalier.tensor.Matrix;

/**
 * How stored rows become the columns of panels. A column is written in pieces of four bytes, a line or more apart, so the
 * columns of a panel are written side by side, some {@link #CHUNK_BYTES} of the panel at a time: in the first-level cache.
 */
interface Layout {
    /** Bytes of a panel that stay in the first-level cache while all its columns are written. */
    int CHUNK_BYTES = 16 << 10;

    boolean takes(Matrix stored);

    /**
     * Copies consecutive rows to a panel that was zero.
     *
     * @param rows of the matrix, in order
     * @param column that the first of them becomes
     */
    void pack(Matrix stored, Rows rows, long panel, int column);

    /** Rows {@code first} to {@code first + count - 1}. */
    record Rows(int first, int count) {}

    /**
     * Panels one after another.
     *
     * @param columns of each
     */
    record Panels(long address, int columns, long bytesEach) {}

    /**
     * Packs a whole matrix, panel by panel: two threads that write columns of one panel would take its cache lines from
     * each other.
     *
     * @param firstColumn of all panels' columns that row 0 becomes
     */
    default void pack(Matrix stored, Panels to, int firstColumn, Team team) {
        int first = firstColumn / to.columns;
        int end = Math.ceilDiv(firstColumn + stored.out(), to.columns);
        team.run(end - first, (part, lane) -> {
            int panel = first + part;
            int from = Math.max(firstColumn, panel * to.columns);
            int until = Math.min(firstColumn + stored.out(), (panel + 1) * to.columns);
            pack(
                    stored,
                    new Rows(from - firstColumn, until - from),
                    to.address + panel * to.bytesEach,
                    from % to.columns);
        });
    }
}
