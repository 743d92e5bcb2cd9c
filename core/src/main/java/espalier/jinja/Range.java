package espalier.jinja;

/** A {@code range}. */
record Range(long start, long stop, long step) {
    /** As many items as the sandbox of jinja2 allows. */
    static final int MAX_LENGTH = 100_000;

    static Range of(long start, long stop, long step) {
        if (step == 0) {
            throw Failure.of("range() arg 3 must not be zero");
        }
        Range range = new Range(start, stop, step);
        if (range.size() > MAX_LENGTH) {
            throw Failure.limit("Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + MAX_LENGTH + ").");
        }
        return range;
    }

    private long size() {
        if (step > 0 ? start >= stop : start <= stop) {
            return 0;
        }
        double size = Math.ceil(((double) stop - start) / step);
        return size > MAX_LENGTH ? MAX_LENGTH + 1L : (long) size;
    }

    int length() {
        return (int) size();
    }

    Object at(int index) {
        return start + index * step;
    }

    boolean contains(long value) {
        long steps = (value - start) / step;
        return start + steps * step == value && steps >= 0 && steps < size();
    }
}
