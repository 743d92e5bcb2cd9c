package espalier.cuda.sim;

import espalier.api.EngineFault;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Global memory as the host sees it: allocations with red zones between them, copies, fills. Each host access is checked
 * as a kernel's are: a copy past an allocation, or of bytes that nobody has written, is a finding.
 */
final class Heap {
    /** Distance between allocations: an overrun of less is seen. */
    private static final int RED_ZONE = 4096;

    private static final int ALIGNMENT = 256;

    private final Simulator sim;
    private final Memory memory;
    private final long total;
    private final Map<Integer, Deque<Integer>> freed = new HashMap<>(); // by size: to be used again
    private long used;
    private int top = RED_ZONE;

    Heap(Simulator sim, long total) {
        this.sim = sim;
        this.memory = sim.global;
        this.total = total;
    }

    long total() {
        return total;
    }

    long free() {
        return total - used;
    }

    long allocate(long size, String what) {
        int bytes = Math.toIntExact(Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT);
        if (size < 1 || bytes > free()) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    String.format(
                            Locale.ROOT,
                            "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: %s wants %d bytes, the simulated device has %d free of %d",
                            what,
                            size,
                            free(),
                            total));
        }
        used += bytes;
        Deque<Integer> again = freed.getOrDefault(bytes, new ArrayDeque<>());
        int at = again.isEmpty() ? fresh(bytes) : again.removeFirst();
        memory.allocations.put(at, (int) size);
        memory.mark(at, (int) size, Memory.RAW);
        Arrays.fill(memory.data, at, at + (int) size, (byte) 0xff);
        return memory.base + at;
    }

    /** A variable of a module, which begins with these bytes. */
    long variable(byte[] contents) {
        long at = allocate(contents.length, "a variable of a module");
        write(at, MemorySegment.ofArray(contents));
        return at;
    }

    private int fresh(int bytes) {
        int at = top;
        top = Math.addExact(at + bytes, RED_ZONE);
        if (top > memory.data.length) {
            memory.resize((int) Math.max(top, Math.min(2L * memory.data.length, Integer.MAX_VALUE - 64)));
        }
        return at;
    }

    void free(long address) {
        int at = (int) (address - memory.base);
        Integer size = memory.allocations.remove(at);
        if (size == null) {
            throw new EngineFault(
                    EngineFault.Code.DEVICE,
                    "cuMemFree: CUDA_ERROR_INVALID_VALUE: nothing is allocated at " + Long.toHexString(address));
        }
        int bytes = Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT;
        used -= bytes;
        memory.mark(at, size, Memory.NONE);
        freed.computeIfAbsent(bytes, _ -> new ArrayDeque<>()).addLast(at);
    }

    void write(long to, MemorySegment from) {
        int n = Math.toIntExact(from.byteSize()), at = index("a copy to the device", to, n);
        if (at >= 0) {
            MemorySegment.copy(from, ValueLayout.JAVA_BYTE, 0, memory.data, at, n);
            memory.mark(at, n, Memory.SET);
        }
    }

    void read(long from, MemorySegment to) {
        int n = Math.toIntExact(to.byteSize()), at = index("a copy to the host", from, n);
        if (at >= 0) {
            expectWritten("a copy to the host", at, n);
            MemorySegment.copy(memory.data, at, to, ValueLayout.JAVA_BYTE, 0, n);
        }
    }

    /** Bytes that are not written stay so. */
    void copy(long from, long to, long bytes) {
        int n = Math.toIntExact(bytes);
        int source = index("a copy on the device", from, n), target = index("a copy on the device", to, n);
        if (source >= 0 && target >= 0) {
            System.arraycopy(memory.data, source, memory.data, target, n);
            System.arraycopy(memory.state, source, memory.state, target, n);
        }
    }

    void fill(long to, int word, long words) {
        int n = Math.toIntExact(4 * words), at = index("a fill", to, n);
        for (int k = 0; at >= 0 && k < n; k += 4) {
            Memory.put(memory.data, at + k, 4, word);
        }
        if (at >= 0) {
            memory.mark(at, n, Memory.SET);
        }
    }

    /** The index of bytes that {@code what} uses and that are written, or -1. */
    int input(String what, long address, int n) {
        int at = index(what, address, n);
        if (at >= 0) {
            expectWritten(what, at, n);
        }
        return at;
    }

    /** The index of bytes of one allocation, or -1 and a finding. */
    int index(String what, long address, int n) {
        long at = address - memory.base;
        var allocation = at < 0 || at > Integer.MAX_VALUE ? null : memory.allocations.floorEntry((int) at);
        if (allocation == null || at + n > allocation.getKey() + (long) allocation.getValue()) {
            sim.report(
                    Finding.Kind.OUT_OF_BOUNDS,
                    what,
                    n + " bytes at " + Long.toHexString(address)
                            + (allocation == null ? "" : ", " + memory.describe((int) at)));
            return -1;
        }
        return (int) at;
    }

    private void expectWritten(String what, int at, int n) {
        for (int k = at; sim.checked && k < at + n; k++) {
            if (memory.state[k] != Memory.SET) {
                sim.report(Finding.Kind.UNINITIALISED, what, n + " bytes, of which " + memory.describe(k));
                return;
            }
        }
    }
}
