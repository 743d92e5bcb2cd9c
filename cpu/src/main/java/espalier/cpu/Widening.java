package espalier.cpu;

import static espalier.cpu.Attention.BLOCK;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import espalier.cpu.Attention.Call;
import espalier.cpu.Attention.Tile;
import espalier.cpu.jit.WideningKernels;
import espalier.tensor.BFloat16;
import espalier.tensor.KvType;
import espalier.tensor.host.NarrowRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keys and values of one byte an element become bf16, a block at a time, in a lane's memory: from there they are read as
 * from a cache of bf16. Each row becomes the same whatever stands beside it.
 */
final class Widening {
    private final boolean byKernels;
    private final Arena arena;
    private final MemorySegment e4m3;
    private final MemorySegment e5m2;
    private final Map<Integer, WideningKernels> kernels = new ConcurrentHashMap<>();

    /** How rows are widened. */
    enum By {
        KERNELS,
        /** {@link ByteLanes}. */
        LOOPS
    }

    Widening(By by, Arena arena) {
        byKernels = by == By.KERNELS;
        this.arena = arena;
        e4m3 = WideningKernels.tables(arena, code -> bits(KvType.FP8_E4M3, code));
        e5m2 = WideningKernels.tables(arena, code -> bits(KvType.FP8_E5M2, code));
    }

    private static int bits(KvType type, int code) {
        return BFloat16.of(NarrowRows.number(type, (byte) code, 1));
    }

    /** Whether a cache needs it. */
    static boolean applies(Call c) {
        return c.kv().shape().type().isNarrow();
    }

    /** Emits what a call needs. */
    void prepare(Call c) {
        if (applies(c) && isByKernels(c)) {
            var _ = kernels(c);
        }
    }

    private boolean isByKernels(Call c) {
        return byKernels && WideningKernels.takes(c.headDim());
    }

    private WideningKernels kernels(Call c) {
        return kernels.computeIfAbsent(c.headDim(), headDim -> new WideningKernels(arena, headDim));
    }

    /** Where the parts of its memory begin; 0 bytes where it does not apply. */
    record Room(long keys, long values, long rows, long scales, long end, long rowBytes) {
        static Room of(Call c, long memory) {
            if (!applies(c)) {
                return new Room(memory, memory, memory, memory, memory, 0);
            }
            long rowBytes = 2L * WideningKernels.STEP * Math.ceilDiv(c.headDim(), WideningKernels.STEP);
            long values = memory + BLOCK * rowBytes;
            long rows = values + BLOCK * rowBytes;
            return new Room(memory, values, rows, rows + 8 * BLOCK, rows + 16 * BLOCK, rowBytes);
        }

        long key(int position) {
            return keys + position % BLOCK * rowBytes;
        }

        long value(int position) {
            return values + position % BLOCK * rowBytes;
        }
    }

    /** Widens positions {@code [from, to)}, all of one block. */
    void widen(Call c, Tile t, int from, int to, Room room) {
        CpuKvCache kv = c.kv();
        int layer = c.a().layer();
        int head = t.kvHead();
        int scaleBytes = kv.shape().type().scaleBytes();
        c.find(t.seat(), from, to, kv.keys(layer, head), kv.rowBytes(), room.rows());
        if (scaleBytes > 0) {
            c.find(t.seat(), from, to, kv.keyScales(layer, head), scaleBytes, room.scales());
        }
        widenFound(c, to - from, room, room.key(from));
        advance(room.rows(), to - from, kv.values(layer, head) - kv.keys(layer, head));
        if (scaleBytes > 0) {
            advance(room.scales(), to - from, kv.valueScales(layer, head) - kv.keyScales(layer, head));
        }
        widenFound(c, to - from, room, room.value(from));
    }

    private static void advance(long list, int count, long by) {
        for (int i = 0; i < count; i++) {
            Lanes.ALL.set(JAVA_LONG_UNALIGNED, list + 8L * i, address(list, i) + by);
        }
    }

    private void widenFound(Call c, int count, Room room, long to) {
        KvType type = c.kv().shape().type();
        if (!isByKernels(c)) {
            for (int i = 0; i < count; i++) {
                loop(type, room, i, c.headDim(), to + i * room.rowBytes());
            }
            return;
        }
        WideningKernels k = kernels(c);
        switch (type) {
            case FP8_E4M3 -> k.floats(room.rows(), to, count, e4m3);
            case FP8_E5M2 -> k.floats(room.rows(), to, count, e5m2);
            case INT8 -> k.integers(room.rows(), to, count, room.scales());
            case F32, F16, BF16 -> throw new IllegalArgumentException(type + " needs no widening");
        }
    }

    private static void loop(KvType type, Room room, int row, int count, long to) {
        long from = address(room.rows(), row);
        switch (type) {
            case FP8_E4M3 -> ByteLanes.e4m3(from, count, to);
            case FP8_E5M2 -> ByteLanes.e5m2(from, count, to);
            case INT8 ->
                ByteLanes.integers(from, count, Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, address(room.scales(), row)), to);
            case F32, F16, BF16 -> throw new IllegalArgumentException(type + " needs no widening");
        }
    }

    private static long address(long list, int index) {
        return Lanes.ALL.get(JAVA_LONG_UNALIGNED, list + 8L * index);
    }
}
