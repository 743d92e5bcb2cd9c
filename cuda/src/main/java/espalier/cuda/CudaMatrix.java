package espalier.cuda;

import espalier.cuda.kernel.View;
import espalier.tensor.Matrix;

/** A weight matrix in one piece, in the type of the activations. */
record CudaMatrix(View view) implements Matrix.Prepared {
    @Override
    public int out() {
        return view.rows();
    }

    @Override
    public int in() {
        return view.cols();
    }

    @Override
    public long bytes() {
        return (long) view.rows() * view.cols() * view.type().bytes();
    }
}
