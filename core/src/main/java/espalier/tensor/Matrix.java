package espalier.tensor;

import java.util.List;

/** A weight matrix as stored, {@code out x in}, in some number format. Devices switch over it exhaustively. */
public sealed interface Matrix {
    int out();

    int in();

    /** Bytes of memory that it takes. */
    long bytes();

    /** Whether its stored numbers are read again once a device has {@linkplain Device#prepare prepared} it. */
    enum Stored {
        /** By others, such as the lookup in an embedding table that is the head as well. */
        KEPT,
        /** By nobody: the device may give their memory back. */
        SPENT
    }

    /** Plain rows of f32, bf16 or f16. */
    record Dense(Tensor values) implements Matrix {
        @Override
        public int out() {
            return values.rows();
        }

        @Override
        public int in() {
            return values.cols();
        }

        @Override
        public long bytes() {
            return (long) values.rows() * values.cols() * values.dtype().bytes();
        }
    }

    /**
     * Rows of blocks, one after another without gaps.
     *
     * @param offset of the first stored row in the buffer, in bytes
     */
    record Blocks(BlockFormat format, Buffer buffer, long offset, int out, int in, RowOrder order) implements Matrix {
        /** In their order. */
        public Blocks(BlockFormat format, Buffer buffer, long offset, int out, int in) {
            this(format, buffer, offset, out, in, RowOrder.PLAIN);
        }

        public Blocks {
            if (out < 1 || offset < 0 || offset + out * format.rowBytes(in) > buffer.bytes()) {
                throw new IllegalArgumentException(out + " rows of " + in + " in " + format + " from byte " + offset
                        + " on do not fit into " + buffer.bytes() + " bytes");
            }
            if (order.run() > 0 && out % order.run() != 0) {
                throw new IllegalArgumentException(out + " rows are no whole runs of " + order.run());
            }
        }

        public long rowBytes() {
            return format.rowBytes(in);
        }

        /** Where a row begins in the buffer. */
        public long at(int row) {
            return offset + order.stored(row) * rowBytes();
        }

        @Override
        public long bytes() {
            return out * rowBytes();
        }
    }

    /** The rows of several matrices with the same {@code in}, one after another: fused without being copied together. */
    record Stacked(List<Matrix> parts) implements Matrix {
        public Stacked {
            parts = List.copyOf(parts);
            int in = parts.getFirst().in();
            for (Matrix m : parts) {
                if (m.in() != in) {
                    throw new IllegalArgumentException("stacked matrices differ in width: " + in + " and " + m.in());
                }
            }
        }

        @Override
        public int out() {
            int sum = 0;
            for (Matrix m : parts) {
                sum += m.out();
            }
            return sum;
        }

        @Override
        public int in() {
            return parts.getFirst().in();
        }

        @Override
        public long bytes() {
            long sum = 0;
            for (Matrix m : parts) {
                sum += m.bytes();
            }
            return sum;
        }
    }

    /** The form that a device made of a matrix for its own kernels; no other device can read it. */
    non-sealed interface Prepared extends Matrix {}
}
