package espalier.cpu;

import static espalier.cpu.Attention.BLOCK;
import static espalier.cpu.Attention.SPLIT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import espalier.cpu.Attention.Call;
import espalier.cpu.Attention.Stretch;
import espalier.cpu.Attention.Tile;
import espalier.cpu.jit.AmxAttentionKernels;
import espalier.cpu.jit.AmxDecodeKernels;
import espalier.cpu.jit.AmxKernels;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Tiles of few rows that see the same, as those of one position do: all blocks of a split in one call of machine code, which
 * leaves the state that {@link AmxAttention} would, to the bit.
 */
final class AmxDecode {
    private final AmxKernels products;
    private final Arena arena;
    private final Map<Form, AmxDecodeKernels> kernels = new ConcurrentHashMap<>();

    private record Form(int headDim, int heads) {}

    AmxDecode(AmxKernels products, Arena arena) {
        this.products = products;
        this.arena = arena;
    }

    /** Whether a tile is its own. */
    static boolean takes(Call c, Tile t) {
        boolean alike = t.tokens() == 1 || t.rows() != 0;
        return alike && t.tokens() * c.group() <= AmxDecodeKernels.MOST_HEADS && !Widening.applies(c);
    }

    private AmxDecodeKernels kernels(Call c, Tile t) {
        return kernels.computeIfAbsent(
                new Form(c.headDim(), t.tokens() * c.group()),
                form -> new AmxDecodeKernels(arena, form.headDim, form.heads));
    }

    /** Where the parts of a lane's memory begin. */
    private record Room(long slots, long views, long call, long queries, long blocks) {
        static Room of(AmxDecodeKernels k, long memory) {
            long views = memory + 4L * (SPLIT + BLOCK);
            long call = views + 16L * SPLIT / BLOCK;
            long queries = call + AmxDecodeKernels.CALL_BYTES;
            return new Room(memory, views, call, queries, queries + k.queryBytes());
        }
    }

    long memoryBytes(Call c, Tile t) {
        AmxDecodeKernels k = kernels(c, t);
        return Room.of(k, 0).blocks() + k.roomBytes();
    }

    /** Puts the tile's queries into the lane's memory. */
    void begin(Call c, Tile t, long memory) {
        long rows = Room.of(kernels(c, t), memory).queries();
        int group = c.group();
        long rowBytes = 2L * AmxKernels.STEP * Math.ceilDiv(c.headDim(), AmxKernels.STEP);
        for (int row = 0; row < t.tokens() * group; row++) {
            if (c.headDim() % AmxKernels.STEP == 0 && row % group == 0) { // the heads of a token are one run
                products.round(c.query(t, row), rows + row * rowBytes, group * c.headDim() / AmxKernels.STEP);
            } else if (c.headDim() % AmxKernels.STEP != 0) {
                AmxProduct.roundRow(products, c.query(t, row), c.headDim(), rows + row * rowBytes);
            }
        }
    }

    void add(Call c, Stretch s, long memory, Target target) {
        Tile t = s.tile();
        AmxDecodeKernels k = kernels(c, t);
        Room room = Room.of(k, memory);
        int low = s.from();
        int high = s.to();
        int first = low / BLOCK * BLOCK;
        int blocks = Math.ceilDiv(high - first, BLOCK);
        findSlots(c, t, first, low, first + blocks * BLOCK + AmxDecodeKernels.AHEAD, room.slots());
        for (int b = 0; b < blocks; b++) {
            long view = room.views() + 16L * b;
            set(view, k.seenFrom(b == 0 ? low - first : 0));
            set(view + 8, k.seenTo(Math.min(BLOCK, high - first - b * BLOCK)));
        }
        k.run(
                new AmxDecodeKernels.Call(
                        c.kv().keys(c.a().layer(), t.kvHead()),
                        c.kv().values(c.a().layer(), t.kvHead()),
                        room.slots(),
                        blocks,
                        room.views(),
                        room.queries(),
                        target.values,
                        target.sums,
                        room.blocks()),
                target.weighing,
                Lanes.ALL.asSlice(room.call(), AmxDecodeKernels.CALL_BYTES));
    }

    /** What positions are added to, and the kernels that hold its scale. */
    record Target(long values, long sums, AmxAttentionKernels weighing) {}

    /** Positions {@code [first, end)}; those that the tile does not see stand for one that it does. */
    private static void findSlots(Call c, Tile t, int first, int low, int end, long list) {
        int known = Math.min(end, t.last() + 1); // beyond the split those of the next one are fetched
        c.slots(t.seat(), low, known, list + 4L * (low - first));
        fill(list, low - first, list + 4L * (low - first));
        fill(list + 4L * (known - first), end - known, list + 4L * (known - 1 - first));
    }

    private static void fill(long list, int count, long slot) {
        int value = Lanes.ALL.get(JAVA_INT_UNALIGNED, slot);
        for (int i = 0; i < count; i++) {
            Lanes.ALL.set(JAVA_INT_UNALIGNED, list + 4L * i, value);
        }
    }

    private static void set(long at, long value) {
        Lanes.ALL.set(JAVA_LONG_UNALIGNED, at, value);
    }
}
