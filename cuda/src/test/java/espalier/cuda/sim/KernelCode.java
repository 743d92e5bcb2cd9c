package espalier.cuda.sim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A kernel as {@link PtxParser} has read it: decoded instructions, the registers and memory that they need. */
final class KernelCode {
    final String name;
    Instruction[] code = {};
    /** Register slots of 32 bits and less, of 64 bits, and predicates. */
    int ints, longs, predicates;

    int paramBytes, maxThreads = 1024;
    /** Bytes of local memory of a thread. */
    int localBytes;
    /** Slots that hold a constant, filled once by each warp. */
    final Map<Integer, Integer> intConstants = new HashMap<>();

    final Map<Integer, Long> longConstants = new HashMap<>();
    /** Parameters: offset, bytes. */
    final List<int[]> params = new ArrayList<>();
    /** Static shared arrays: offset, bytes. */
    final List<int[]> shared = new ArrayList<>();
    /** Offset of dynamic shared memory. */
    int dynamicShared;

    KernelCode(String name) {
        this.name = name;
    }

    /** Bytes of the static arrays. */
    int staticSharedBytes() {
        return shared.stream().mapToInt(a -> a[1]).sum();
    }

    @Override
    public String toString() {
        return name;
    }
}
