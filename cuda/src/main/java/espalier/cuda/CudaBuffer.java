package espalier.cuda;

import espalier.cuda.kernel.View;
import espalier.tensor.Buffer;
import espalier.tensor.Tensor;

/** A run of device memory. */
record CudaBuffer(long address, long bytes) implements Buffer {

    static long address(Tensor t) {
        return of(t.buffer()).address + t.offset();
    }

    static View view(Tensor t) {
        return new View(address(t), t.dtype(), t.rows(), t.cols(), t.stride());
    }

    static CudaBuffer of(Buffer buffer) {
        if (buffer instanceof CudaBuffer here) {
            return here;
        }
        throw new IllegalArgumentException("a buffer of another device: " + buffer);
    }
}
