package espalier.cpu;

import static espalier.cpu.Attention.BLOCK;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import espalier.cpu.Attention.Call;
import espalier.cpu.Attention.Stretch;
import espalier.cpu.Attention.Tile;
import espalier.cpu.jit.AmxAttentionKernels;
import espalier.cpu.jit.AmxKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Attention over a cache of bf16 by AMX tiles: queries and weights of values are rounded to bf16, sums are f32.
 *
 * <p>Rows of a tile that see nothing of a block are left out of it; a row that sees a part gets scores whose weights are
 * exactly zero for the others. So it makes no difference to a row with whom it shares a tile.
 */
final class AmxAttention implements AttentionPath {
    private static final float LOG2_E = 1.442695f;
    private static final int MOST_ROW_BYTES = 1024;

    private final AmxKernels products;
    private final Widening widening;
    private final Arena arena;
    /** What a row reads where no position is: zeros, of which a weight of zero makes zeros. */
    private final MemorySegment nothing;

    private final AmxDecode decode;
    private final Map<Form, AmxAttentionKernels> kernels = new ConcurrentHashMap<>();

    private record Form(int headDim, float scale) {}

    AmxAttention(AmxKernels products, Widening widening, Arena arena) {
        this.products = products;
        this.widening = widening;
        this.arena = arena;
        nothing = arena.allocate(MOST_ROW_BYTES, 64);
        decode = new AmxDecode(products, arena);
    }

    /** Whether heads of that size can be computed. */
    static boolean takes(int headDim) {
        return headDim % 2 == 0 && 2 * headDim <= MOST_ROW_BYTES;
    }

    private AmxAttentionKernels kernels(Call c) {
        return kernels.computeIfAbsent(
                new Form(c.headDim(), c.a().scale()),
                form -> new AmxAttentionKernels(arena, form.headDim, form.scale * LOG2_E));
    }

    /** Those of single positions are emitted when their memory is asked for. */
    @Override
    public void prepare(Call c) {
        var _ = kernels(c);
        widening.prepare(c);
    }

    @Override
    public int tileRows() {
        return 128;
    }

    private static int groups(Call c) {
        return Math.ceilDiv(c.headDim(), AmxKernels.STEP);
    }

    /** From one row of queries to the next: an odd number of cache lines. */
    private static long queryStride(Call c) {
        return 64L * (groups(c) | 1);
    }

    /** Where the parts of a lane's memory begin. */
    private record Room(
            long q,
            long keys,
            long values,
            long scores,
            long weights,
            long keyRows,
            long valueRows,
            long call,
            Widening.Room wide) {
        static Room of(Call c, int rows, long memory) {
            long keys = memory + rows * queryStride(c);
            long panels = 2L * groups(c) * AmxKernels.STEP_BYTES;
            long scores = keys + 2 * panels;
            long weights = scores + (long) rows * AmxAttentionKernels.SCORE_STRIDE;
            long keyRows = weights + (long) rows * AmxAttentionKernels.WEIGHT_STRIDE;
            long valueRows = keyRows + 8 * BLOCK;
            long call = valueRows + 8 * BLOCK;
            return new Room(
                    memory,
                    keys,
                    keys + panels,
                    scores,
                    weights,
                    keyRows,
                    valueRows,
                    call,
                    Widening.Room.of(c, call + AmxKernels.CALL_BYTES));
        }
    }

    @Override
    public long memoryBytes(Call c, Tile t) {
        return AmxDecode.takes(c, t)
                ? decode.memoryBytes(c, t)
                : Room.of(c, t.tokens() * c.group(), 0).wide().end();
    }

    private static long valueStride(Call c) {
        return 4L * AmxKernels.STEP * groups(c) + 64;
    }

    /** Accumulated values, and behind them a row of sums and greatest score each. */
    @Override
    public long stateBytes(Call c, int rows) {
        return rows * (valueStride(c) + AmxAttentionKernels.STATE_STRIDE);
    }

    private static long sums(Call c, int rows, long state) {
        return state + rows * valueStride(c);
    }

    @Override
    public void begin(Call c, Tile t, long memory) {
        if (AmxDecode.takes(c, t)) {
            decode.begin(c, t, memory);
            return;
        }
        for (int row = 0; row < t.tokens() * c.group(); row++) {
            AmxProduct.roundRow(products, c.query(t, row), c.headDim(), memory + row * queryStride(c));
        }
    }

    @Override
    public void add(Call c, Stretch s, long memory, long state) {
        Tile t = s.tile();
        int rows = t.tokens() * c.group();
        AmxAttentionKernels k = kernels(c);
        if (AmxDecode.takes(c, t)) {
            decode.add(c, s, memory, new AmxDecode.Target(state, sums(c, rows, state), k));
            return;
        }
        Room room = Room.of(c, rows, memory);
        int low = s.from();
        int high = s.to();
        for (int block = low / BLOCK * BLOCK; block < high; block += BLOCK) {
            int panels = Math.min(2, Math.ceilDiv(high - block, AmxKernels.STEP));
            int from = Math.max(low, block);
            int to = Math.min(high, block + BLOCK);
            if (Widening.applies(c)) {
                widening.widen(c, t, from, to, room.wide());
            }
            findRows(c, t, block, from, to, room);
            k.packKeys(room.keyRows(), room.keys(), panels);
            k.packValues(room.valueRows(), room.values(), panels);
            int first = 0;
            while (c.viewTo(t, block, first) <= 0) {
                first++;
            }
            int end = rows;
            while (c.viewFrom(t, block, end - 1) >= BLOCK) {
                end--;
            }
            block(new Part(c, t, k, room, state, block, panels, first, end));
        }
    }

    @Override
    public void clear(Call c, int rows, long state) {
        Lanes.ALL
                .asSlice(state, rows * (valueStride(c) + AmxAttentionKernels.STATE_STRIDE))
                .fill((byte) 0);
        for (int row = 0; row < rows; row++) {
            set(sums(c, rows, state) + greatest(row), AmxAttentionKernels.LEAST);
        }
    }

    @Override
    public void copy(Call c, int rows, long state, int row, long to) {
        int group = c.group();
        long stride = valueStride(c);
        Packing.copyFloats(state + row * stride, to, (int) (group * stride / 4));
        long from = sums(c, rows, state) + (long) row * AmxAttentionKernels.STATE_STRIDE;
        Packing.copyFloats(from, sums(c, group, to), group * AmxAttentionKernels.STATE_STRIDE / 4);
    }

    private static long greatest(int row) {
        return (long) row * AmxAttentionKernels.STATE_STRIDE + AmxAttentionKernels.GREATEST_AT;
    }

    private void findRows(Call c, Tile t, int block, int from, int to, Room room) {
        findNothing(room, 0, from - block);
        findNothing(room, to - block, BLOCK);
        long ahead = 8L * (from - block);
        if (Widening.applies(c)) {
            for (int p = from; p < to; p++) {
                long i = 8L * (p - block);
                Lanes.ALL.set(
                        JAVA_LONG_UNALIGNED, room.keyRows() + i, room.wide().key(p));
                Lanes.ALL.set(
                        JAVA_LONG_UNALIGNED, room.valueRows() + i, room.wide().value(p));
            }
            return;
        }
        long keys = c.kv().keys(c.a().layer(), t.kvHead());
        long values = c.kv().values(c.a().layer(), t.kvHead());
        c.find(t.seat(), from, to, keys, c.kv().rowBytes(), room.keyRows() + ahead);
        long apart = values - keys;
        for (int i = from - block; i < to - block; i++) {
            long key = Lanes.ALL.get(JAVA_LONG_UNALIGNED, room.keyRows() + 8L * i);
            Lanes.ALL.set(JAVA_LONG_UNALIGNED, room.valueRows() + 8L * i, key + apart);
        }
    }

    private void findNothing(Room room, int from, int to) {
        for (int i = from; i < to; i++) {
            Lanes.ALL.set(JAVA_LONG_UNALIGNED, room.keyRows() + 8L * i, nothing.address());
            Lanes.ALL.set(JAVA_LONG_UNALIGNED, room.valueRows() + 8L * i, nothing.address());
        }
    }

    /** Rows {@code [first, end)} of a tile and one block. */
    private record Part(
            Call c, Tile t, AmxAttentionKernels k, Room room, long state, int block, int panels, int first, int end) {

        int rows() {
            return t.tokens() * c.group();
        }

        int count(int row) {
            return Math.min(AmxKernels.ROWS, end - row);
        }

        long values(int row) {
            return state + row * valueStride(c);
        }

        long scores(int row) {
            return room.scores() + (long) row * AmxAttentionKernels.SCORE_STRIDE;
        }

        long weights(int row) {
            return room.weights() + (long) row * AmxAttentionKernels.WEIGHT_STRIDE;
        }
    }

    private void block(Part p) {
        MemorySegment memory = Lanes.ALL.asSlice(p.room.call(), AmxKernels.CALL_BYTES);
        for (int row = p.first; row < p.end; row += AmxKernels.ROWS) {
            products.multiply(scores(p, row), memory);
        }
        for (int row = p.first; row < p.end; row++) {
            mask(p.scores(row), p.c.viewFrom(p.t, p.block, row), p.c.viewTo(p.t, p.block, row), p.panels);
        }
        long sums = sums(p.c, p.rows(), p.state) + (long) p.first * AmxAttentionKernels.STATE_STRIDE;
        p.k.weigh(p.scores(p.first), p.weights(p.first), p.values(p.first), sums, p.end - p.first, p.panels);
        for (int row = p.first; row < p.end; row += AmxKernels.ROWS) {
            products.multiply(values(p, row), memory);
        }
    }

    private static AmxKernels.Call scores(Part p, int row) {
        return new AmxKernels.Call(
                p.room.q() + row * queryStride(p.c),
                queryStride(p.c),
                p.count(row),
                p.room.keys(),
                p.k.keyPanelBytes(),
                p.panels,
                0,
                groups(p.c),
                p.scores(row),
                AmxAttentionKernels.SCORE_STRIDE,
                AmxKernels.Start.ZERO,
                AmxKernels.Weights.IN_CACHE);
    }

    private static AmxKernels.Call values(Part p, int row) {
        return new AmxKernels.Call(
                p.weights(row),
                AmxAttentionKernels.WEIGHT_STRIDE,
                p.count(row),
                p.room.values(),
                AmxAttentionKernels.VALUE_PANEL_BYTES,
                p.k.valuePanels(),
                0,
                p.panels,
                p.values(row),
                valueStride(p.c),
                AmxKernels.Start.OUTPUT,
                AmxKernels.Weights.IN_CACHE);
    }

    private static void mask(long scores, int from, int to, int panels) {
        for (int i = 0; i < from; i++) {
            set(scores + 4L * i, AmxAttentionKernels.UNSEEN);
        }
        for (int i = to; i < panels * AmxKernels.STEP; i++) {
            set(scores + 4L * i, AmxAttentionKernels.UNSEEN);
        }
    }

    @Override
    public void merge(Call c, int rows, long state, long later) {
        for (int row = 0; row < rows; row++) {
            long mine = sums(c, rows, state) + (long) row * AmxAttentionKernels.STATE_STRIDE;
            long other = sums(c, rows, later) + (long) row * AmxAttentionKernels.STATE_STRIDE;
            float before = get(mine + AmxAttentionKernels.GREATEST_AT);
            float after = get(other + AmxAttentionKernels.GREATEST_AT);
            if (after == AmxAttentionKernels.LEAST) {
                continue; // the row sees nothing of that split
            }
            float most = Math.max(before, after);
            float by = AttentionKernels.exp((before - most) * c.a().scale());
            float otherBy = AttentionKernels.exp((after - most) * c.a().scale());
            int vectors = groups(c) * AmxKernels.STEP / Lanes.L;
            AttentionKernels.merge(state + row * valueStride(c), by, later + row * valueStride(c), otherBy, vectors);
            AttentionKernels.merge(mine, by, other, otherBy, 16 / Lanes.L);
            set(mine + AmxAttentionKernels.GREATEST_AT, most);
        }
    }

    @Override
    public void finish(Call c, Tile t, long state) {
        int rows = t.tokens() * c.group();
        for (int row = 0; row < rows; row += c.group()) {
            long sums = sums(c, rows, state) + (long) row * AmxAttentionKernels.STATE_STRIDE;
            kernels(c).finish(state + row * valueStride(c), sums, c.output(t, row), c.group());
        }
    }

    private static float get(long at) {
        return Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, at);
    }

    private static void set(long at, float value) {
        Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, at, value);
    }
}
