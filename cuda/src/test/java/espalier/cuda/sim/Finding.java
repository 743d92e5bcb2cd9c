package espalier.cuda.sim;

/** Something that a kernel does wrong, at one instruction. */
public final class Finding {
    public enum Kind {
        /** An access outside every allocation, of one byte or more. */
        OUT_OF_BOUNDS,
        /** A vector access, copy or descriptor that is not aligned to its size. */
        MISALIGNED,
        /** A read of bytes or registers that nobody has written. */
        UNINITIALISED,
        /** Two warps (or blocks) at the same bytes, one of them writing, nothing ordering them. */
        RACE,
        /** The same between two lanes of a warp, with no __syncwarp or block barrier in between. */
        RACE_IN_WARP,
        /** An access to bytes or registers that an asynchronous operation has not been waited for. */
        MISSING_WAIT,
        /** Lanes or warps that do not meet where the instruction needs them together. */
        DIVERGENCE,
        /** An mbarrier used before its initialisation, with wrong counts, or as plain memory. */
        MBARRIER,
        /** A fence that the asynchronous proxy needs is missing. */
        MISSING_FENCE,
        /** Every warp waits, or a block runs past the instruction limit. */
        DEADLOCK
    }

    private final Kind kind;
    private final String where;
    private final String detail;
    private int count = 1;

    Finding(Kind kind, String where, String detail) {
        this.kind = kind;
        this.where = where;
        this.detail = detail;
    }

    public Kind kind() {
        return kind;
    }

    /** The {@code .cu} line, with the chain of inlined places, and the instruction. */
    public String where() {
        return where;
    }

    /** How often it happened there. */
    public int count() {
        return count;
    }

    void again() {
        count++;
    }

    @Override
    public String toString() {
        return kind + " at " + where + ": " + detail + (count > 1 ? " (" + count + " times)" : "");
    }
}
