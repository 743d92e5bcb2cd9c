package espalier.tensor;

/**
 * Bump allocator for activations. A frame gives back everything taken since it was opened, so the same calls
 * always get the same addresses: the property that graph capture needs.
 */
public final class Workspace {
    private static final long ALIGN = 256;
    private final Buffer buffer;
    private long top;
    private long peak;

    public Workspace(Buffer buffer) {
        this.buffer = buffer;
    }

    public Tensor take(DType dtype, int rows, int cols) {
        long bytes = ((long) rows * cols * dtype.bytes() + ALIGN - 1) / ALIGN * ALIGN;
        if (top + bytes > buffer.bytes()) {
            throw new IllegalStateException("workspace full: " + buffer.bytes() + " bytes, need " + (top + bytes));
        }
        var t = new Tensor(buffer, top, dtype, rows, cols, cols);
        top += bytes;
        peak = Math.max(peak, top);
        return t;
    }

    public Frame frame() {
        long mark = top;
        return () -> top = mark;
    }

    public long peakBytes() {
        return peak;
    }

    /** A span of calls whose memory is given back together. */
    public interface Frame extends AutoCloseable {
        @Override
        void close();
    }
}
