package espalier.cpu.jit;

/**
 * How operands lie in memory for one family of product kernels. Weights are cut into panels of columns; a panel is one
 * stream, read once from front to back, in steps along the sum. x is rows of such steps. What is missing at the edges is
 * zero.
 *
 * @param columns of a panel
 * @param stepElements along the sum in a step
 * @param inputStepBytes that a row of x has for each step
 * @param panelStepBytes that a panel has for each step
 * @param inputTailBytes that a row of x has behind its last step
 * @param panelTailBytes that a panel has behind its last step
 * @param mostRows that one kernel takes
 * @param fetchingRows from which on a kernel that reads weights from memory had better fetch ahead: reading is then no
 *     longer ahead of memory by itself, and below that fetching costs more than it gains
 */
public record Form(
        int columns,
        int stepElements,
        int inputStepBytes,
        int panelStepBytes,
        int inputTailBytes,
        int panelTailBytes,
        int mostRows,
        int fetchingRows,
        Edge edge) {

    /** What a kernel stores of a panel that has fewer columns than others. */
    public enum Edge {
        /** Its columns. */
        MASKED,
        /** All columns of a whole panel. */
        WHOLE
    }

    /** Without tails. */
    Form(int columns, int stepElements, int inputStepBytes, int panelStepBytes, int mostRows, int fetchingRows) {
        this(columns, stepElements, inputStepBytes, panelStepBytes, 0, 0, mostRows, fetchingRows, Edge.MASKED);
    }

    Form withMostRows(int rows) {
        return new Form(
                columns,
                stepElements,
                inputStepBytes,
                panelStepBytes,
                inputTailBytes,
                panelTailBytes,
                rows,
                fetchingRows,
                edge);
    }

    public int steps(int in) {
        return Math.ceilDiv(in, stepElements);
    }

    public int panels(int out) {
        return Math.ceilDiv(out, columns);
    }

    public long panelBytes(int in) {
        return (long) steps(in) * panelStepBytes + panelTailBytes;
    }

    /** Bytes between rows of x: an odd number of cache lines, or the rows of a tile would share the cache's sets. */
    public long inputStride(int in) {
        return 64 * (Math.ceilDiv((long) steps(in) * inputStepBytes + inputTailBytes, 64L) | 1);
    }
}
