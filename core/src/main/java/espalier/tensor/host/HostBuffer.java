package espalier.tensor.host;

import espalier.tensor.Buffer;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** A run of this machine's memory, whose life is that of the arena or mapping behind the segment. */
public record HostBuffer(MemorySegment memory) implements Buffer {

    @Override
    public long bytes() {
        return memory.byteSize();
    }

    /** The whole buffer under a view: {@link Tensor#offset} still has to be added. */
    public static MemorySegment memory(Buffer buffer) {
        if (buffer instanceof HostBuffer(MemorySegment memory)) {
            return memory;
        }
        throw new IllegalArgumentException(
                "a buffer of another device (" + buffer.getClass().getSimpleName() + ") where host memory is wanted");
    }
}
