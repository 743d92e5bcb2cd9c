package espalier.cpu;

import espalier.tensor.Tensor;
import espalier.tensor.host.HostBuffer;
import java.lang.foreign.MemorySegment;

/** The one way from a tensor to the raw address that kernels use: everything the view spans lies in its buffer. */
final class Address {
    private Address() {}

    static long of(Tensor t) {
        MemorySegment memory = HostBuffer.memory(t.buffer());
        long elements = t.rows() == 0 ? 0 : (long) (t.rows() - 1) * t.stride() + t.cols();
        java.util.Objects.checkFromIndexSize(t.offset(), elements * t.dtype().bytes(), memory.byteSize());
        if (!memory.isNative()) {
            throw new IllegalArgumentException("a heap segment where the CPU device wants native memory");
        }
        return memory.address() + t.offset();
    }

    /** Bytes from one row to the next. */
    static long rowBytes(Tensor t) {
        return (long) t.stride() * t.dtype().bytes();
    }
}
