package espalier.cuda.driver;

/**
 * Dense matrix products {@code y = x w^T (+ y)} by the vendor's library, f32 sums. A shape is planned once: its
 * candidates are measured, or read from the choices kept on disk; then run as often as wanted, also under capture.
 */
public interface ProductLibrary {

    /** How an algorithm is picked. */
    enum Algorithm {
        /** The fastest on this machine, measured now unless it is known. Not while others use the memory of the probe. */
        MEASURED,
        /**
         * What was measured for dense operands of the next number of rows of {@link ProductRows}, else the library's own suggestion: takes no
         * time, whatever the number of rows.
         */
        KNOWN,
        /** The same for all numbers of rows, with sums that are not split: a row's result does not depend on the others. */
        FIXED
    }

    /** Empty where the library can be used, else one line that says what is missing. */
    String missing();

    /** Of the library, as it counts; empty where it is missing. Loads it as {@link #open} does. */
    String version();

    /**
     * Loads the library and takes its workspace of {@link #workspaceBytes}, unless that is done: else the first plan does it.
     *
     * @throws espalier.api.EngineFault RESOURCE where the library is missing, or the memory
     */
    void open();

    /** Bytes of the device's memory that it takes for itself; 0 where the library is missing. */
    long workspaceBytes();

    /**
     * How products of that shape are computed: remembered while some hundred others are, and kept on disk. Not under capture.
     *
     * @param probe memory of such a product, on which candidates are measured: {@code y} is overwritten
     * @throws espalier.api.EngineFault RESOURCE where the library is missing
     */
    Plan plan(Shape shape, Algorithm algorithm, Operands probe);

    /**
     * Queues it; {@code operands} have the strides of those that were planned with.
     *
     * @throws IllegalArgumentException where the plan is so old that it is forgotten: plan again, which gives the same
     */
    void multiply(Stream stream, Plan plan, Operands operands);

    /** Of the driver that made it; {@code microseconds} as measured, or 0. */
    record Plan(long handle, Shape shape, double microseconds) {}

    /**
     * What is to be multiplied. Row-major everywhere.
     *
     * @param rows of x and y
     * @param out rows of w, columns of y
     * @param in columns of x and w
     * @param result type of y
     */
    record Shape(int rows, int out, int in, Element operands, Element result, Sum sum) {}

    /** Types of x and w (alike), and of y. */
    enum Element {
        BF16(2),
        F16(2),
        F32(4);

        private final int bytes;

        Element(int bytes) {
            this.bytes = bytes;
        }

        public int bytes() {
            return bytes;
        }
    }

    /** What becomes of y's former contents. */
    enum Sum {
        REPLACE,
        ADD
    }

    /** Device addresses, and elements from one row to the next. */
    record Operands(long x, int xStride, long w, int wStride, long y, int yStride) {}
}
