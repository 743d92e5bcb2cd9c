package espalier.cuda;

import espalier.cuda.kernel.AttentionCall;
import espalier.tensor.KvCache;

/** Keys, then values of each layer in turn, each [slots][kvHeads][headDim] from a multiple of {@value #ALIGN} bytes. */
record CudaKvCache(Shape shape, long address) implements KvCache {
    private static final long ALIGN = 256;

    static long bytes(Shape shape) {
        return 2 * shape.layers() * runBytes(shape);
    }

    private static long runBytes(Shape shape) {
        long bytes = (long) shape.slots()
                * shape.kvHeads()
                * shape.headDim()
                * shape.dtype().bytes();
        return Math.ceilDiv(bytes, ALIGN) * ALIGN;
    }

    AttentionCall.PagedLayer layer(int index) {
        long k = address + 2L * index * runBytes(shape);
        return new AttentionCall.PagedLayer(k, k + runBytes(shape), shape.slots());
    }
}
