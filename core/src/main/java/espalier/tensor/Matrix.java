package espalier.tensor;

import java.util.List;

/** A weight matrix as stored, {@code out x in}, in some number format. Devices switch over it exhaustively. */
public sealed interface Matrix {
    int out();

    int in();

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
    }
}
