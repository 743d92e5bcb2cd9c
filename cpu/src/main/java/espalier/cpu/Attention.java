package espalier.cpu;

import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.tensor.DType;
import espalier.tensor.Ops;
import espalier.tensor.StepInputs;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention over the paged cache, with the online softmax of Milakov and Gimelshein (2018), block by block as in
 * FlashAttention (Dao et al., 2022).
 *
 * <p><b>Order.</b> A query row sees its past in blocks of 64 and splits of 512 positions that lie at absolute multiples.
 * Inside a split the blocks follow each other with one running maximum, sum and accumulator, which begin afresh with
 * every split; the splits are merged first to last. That is the same whether the row is alone or among others, whether
 * its past was cached or comes in the same step, and whether the splits are spread over threads (few sequences, long
 * context) or done one after another.
 *
 * <p>A <em>tile</em> is some tokens of one sequence with all the query heads of one key head: up to 32 rows that share
 * one widening of each block of keys and values. The page table is read only there.
 */
final class Attention {
    private static final int BLOCK = 64;
    private static final int SPLIT = 512;
    private static final int TILE_ROWS = 32;

    private final Team team;
    private final Scratch[] lanes;
    private final Scratch partial = new Scratch();

    Attention(Team team) {
        this.team = team;
        lanes = new Scratch[team.lanes()];
        java.util.Arrays.setAll(lanes, i -> new Scratch());
    }

    void close() {
        partial.close();
        for (Scratch lane : lanes) {
            lane.close();
        }
    }

    /** Rows {@code [row, row + tokens)} of one sequence under one key head; positions {@code first, first + 1 ...}. */
    private record Tile(int seat, int row, int tokens, int first, int kvHead) {
        int last() {
            return first + tokens - 1;
        }
    }

    /** The call with its views as addresses. */
    private record Call(
            Ops.Attend a, CpuKvCache kv, long q, long k, long v, long out, long positions, long slots, long pages) {

        static Call of(Ops.Attend a) {
            if (!(a.kv() instanceof CpuKvCache kv)) {
                throw new IllegalArgumentException("a cache of another device");
            }
            StepInputs in = a.in();
            return new Call(
                    a,
                    kv,
                    Address.of(a.q()),
                    Address.of(a.k()),
                    Address.of(a.v()),
                    Address.of(a.out()),
                    Address.of(in.positions()),
                    Address.of(in.writeSlots()),
                    Address.of(in.pageTable()));
        }

        int headDim() {
            return a.headDim();
        }

        /** Vectors of a widened row. */
        int vectors() {
            return 2 * Packing.blocks(a.headDim());
        }

        int group() {
            return a.q().cols() / a.k().cols();
        }

        /** The first position that the token at {@code position} sees. */
        int sees(int position) {
            return a.window() == 0 ? 0 : Math.max(0, position - a.window() + 1);
        }

        int slot(int seat, int position) {
            int pageSize = a.in().pageSize();
            long row = pages + seat * Address.rowBytes(a.in().pageTable());
            int page = Lanes.ALL.get(JAVA_INT_UNALIGNED, row + 4L * (position / pageSize));
            return java.util.Objects.checkIndex(
                    page * pageSize + position % pageSize, kv.shape().slots());
        }
    }

    void run(Ops.Attend a) {
        if (a.in().tokens() == 0) {
            return;
        }
        Call c = Call.of(a);
        storeAll(c);
        List<Tile> tiles = tiles(c);
        int longest = 0;
        for (Tile t : tiles) {
            longest = Math.max(longest, t.last() / SPLIT + 1 - c.sees(t.first()) / SPLIT);
        }
        if (longest > 1 && tiles.size() < 2 * team.lanes() && team.lanes() > 1) {
            spreadSplits(c, tiles, longest);
        } else {
            team.run(tiles.size(), (i, lane) -> wholeTile(c, tiles.get(i), lane));
        }
    }

    private void storeAll(Call c) {
        int tokens = c.a().in().tokens();
        int each = Math.max(1, 8192 / c.a().k().cols());
        team.run((tokens + each - 1) / each, (part, lane) -> {
            for (int t = part * each; t < Math.min(tokens, (part + 1) * each); t++) {
                int slot = java.util.Objects.checkIndex(
                        Lanes.ALL.get(JAVA_INT_UNALIGNED, c.slots() + 4L * t),
                        c.kv().shape().slots());
                for (int h = 0; h < c.kv().shape().kvHeads(); h++) {
                    long to = slot * c.kv().rowBytes();
                    long from = 4L * h * c.headDim();
                    long k = c.k() + t * Address.rowBytes(c.a().k()) + from;
                    long v = c.v() + t * Address.rowBytes(c.a().v()) + from;
                    store(c.kv().shape().dtype(), k, c.headDim(), c.kv().keys(c.a().layer(), h) + to);
                    store(c.kv().shape().dtype(), v, c.headDim(), c.kv().values(c.a().layer(), h) + to);
                }
            }
        });
    }

    private static void store(DType dtype, long from, int count, long to) {
        switch (dtype) {
            case F32 -> Packing.copyFloats(from, to, count);
            case BF16 -> {
                for (int i = 0; i < count; i += L) {
                    if (count - i >= L) {
                        Lanes.storeBf16(Lanes.load(from + 4L * i), to + 2L * i);
                    } else {
                        Lanes.storeBf16(Lanes.load(from + 4L * i, Lanes.first(count - i)), to + 2L * i, count - i);
                    }
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    short half = Float.floatToFloat16(Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, from + 4L * i));
                    Lanes.ALL.set(JAVA_SHORT_UNALIGNED, to + 2L * i, half);
                }
            }
            case I32 -> throw new IllegalArgumentException("a cache of integers");
        }
    }

    private List<Tile> tiles(Call c) {
        StepInputs in = c.a().in();
        int most = Math.max(1, TILE_ROWS / c.group());
        long firstRow = Address.of(in.firstRow());
        long seats = Address.of(in.seats());
        var tiles = new ArrayList<Tile>();
        for (int s = 0; s < in.sequences(); s++) {
            int end = s + 1 < in.sequences() ? integer(firstRow, s + 1) : in.tokens();
            int seat = java.util.Objects.checkIndex(
                    integer(seats, s), in.pageTable().rows());
            for (int row = integer(firstRow, s); row < end; row += most) {
                int tokens = Math.min(most, end - row);
                for (int h = 0; h < c.kv().shape().kvHeads(); h++) {
                    tiles.add(new Tile(seat, row, tokens, integer(c.positions(), row), h));
                }
            }
        }
        return tiles;
    }

    private static int integer(long ints, int index) {
        return Lanes.ALL.get(JAVA_INT_UNALIGNED, ints + 4L * index);
    }

    /** Where the parts of a lane's memory begin. */
    private record Room(long q, long keys, long values, long scores, long state, long merged) {
        static Room of(Scratch scratch, int vectors, int rows) {
            long row = (long) vectors * V;
            long state = stateBytes(vectors, rows);
            long q = scratch.take(rows * row + 2 * BLOCK * row + 4L * BLOCK * rows + 2 * state);
            long keys = q + rows * row;
            long values = keys + BLOCK * row;
            long scores = values + BLOCK * row;
            return new Room(q, keys, values, scores, scores + 4L * BLOCK * rows, scores + 4L * BLOCK * rows + state);
        }

        /** Accumulators [rows, vectors, L], then a maximum and a sum a row. */
        static long stateBytes(int vectors, int rows) {
            return (long) rows * vectors * V + 8L * rows + V;
        }
    }

    private void wholeTile(Call c, Tile t, int lane) {
        int rows = t.tokens() * c.group();
        Room room = Room.of(lanes[lane], c.vectors(), rows);
        loadQueries(c, t, room.q());
        int from = c.sees(t.first()) / SPLIT;
        for (int split = from; split <= t.last() / SPLIT; split++) {
            oneSplit(c, t, split, room, split == from ? room.merged() : room.state());
            if (split > from) {
                mergeState(room.merged(), room.state(), c.vectors(), rows);
            }
        }
        finish(c, t, room.merged());
    }

    /** Few tiles and long pasts: every split of every tile is a part; a second job merges them in order. */
    private void spreadSplits(Call c, List<Tile> tiles, int longest) {
        long stateBytes = Room.stateBytes(c.vectors(), TILE_ROWS + c.group());
        long states = partial.take(stateBytes * tiles.size() * longest);
        team.run(tiles.size() * longest, (part, lane) -> {
            Tile t = tiles.get(part / longest);
            int split = c.sees(t.first()) / SPLIT + part % longest;
            if (split <= t.last() / SPLIT) {
                Room room = Room.of(lanes[lane], c.vectors(), t.tokens() * c.group());
                loadQueries(c, t, room.q());
                oneSplit(c, t, split, room, states + part * stateBytes);
            }
        });
        team.run(tiles.size(), (i, lane) -> {
            Tile t = tiles.get(i);
            int splits = t.last() / SPLIT + 1 - c.sees(t.first()) / SPLIT;
            long first = states + (long) i * longest * stateBytes;
            for (int s = 1; s < splits; s++) {
                mergeState(first, first + s * stateBytes, c.vectors(), t.tokens() * c.group());
            }
            finish(c, t, first);
        });
    }

    /** Rows [token, head of the group], scaled, in the order of the cache's format. */
    private static void loadQueries(Call c, Tile t, long to) {
        long row = (long) c.vectors() * V;
        for (int i = 0; i < t.tokens(); i++) {
            for (int g = 0; g < c.group(); g++, to += row) {
                long from = c.q()
                        + (t.row() + i) * Address.rowBytes(c.a().q())
                        + 4L * (t.kvHead() * c.group() + g) * c.headDim();
                if (Packing.isSplit(c.kv().shape().dtype())) {
                    Packing.split(from, c.headDim(), to, V);
                } else {
                    Packing.widen(DType.F32, from, 0, c.headDim(), to, V);
                }
                AttentionKernels.scale(to, c.vectors(), c.a().scale());
            }
        }
    }

    private void oneSplit(Call c, Tile t, int split, Room room, long state) {
        int rows = t.tokens() * c.group();
        clear(state, c.vectors(), rows);
        int low = Math.max(c.sees(t.first()), split * SPLIT);
        int high = Math.min(t.last() + 1, (split + 1) * SPLIT);
        for (int block = low / BLOCK * BLOCK; block < high; block += BLOCK) {
            int from = Math.max(low, block);
            int to = Math.min(high, block + BLOCK);
            widenBlock(c, t, block, from, to, room);
            eachRow(c, t, block, room, state);
        }
    }

    private static void clear(long state, int vectors, int rows) {
        for (long i = 0; i < (long) rows * vectors; i++) {
            Lanes.store(Lanes.zero(), state + i * V);
        }
        long numbers = state + (long) rows * vectors * V;
        for (int r = 0; r < rows; r++) {
            set(numbers + 8L * r, Float.NEGATIVE_INFINITY);
            set(numbers + 8L * r + 4, 0);
        }
    }

    private static void widenBlock(Call c, Tile t, int block, int from, int to, Room room) {
        DType dtype = c.kv().shape().dtype();
        long keys = c.kv().keys(c.a().layer(), t.kvHead());
        long values = c.kv().values(c.a().layer(), t.kvHead());
        long row = (long) c.vectors() * V;
        for (int p = from; p < to; p++) {
            long at = c.slot(t.seat(), p) * c.kv().rowBytes();
            Packing.widen(dtype, keys + at, 0, c.headDim(), room.keys() + (p - block) * row, V);
            Packing.widen(dtype, values + at, 0, c.headDim(), room.values() + (p - block) * row, V);
        }
    }

    /** Rows with the same view of the block go together: all heads of a token, and all tokens past the block. */
    private static void eachRow(Call c, Tile t, int block, Room room, long state) {
        int rows = t.tokens() * c.group();
        for (int r = 0; r < rows; ) {
            int from = viewFrom(c, t, block, r);
            int to = viewTo(c, t, block, r);
            int count = 1;
            while (count < 4
                    && r + count < rows
                    && viewFrom(c, t, block, r + count) == from
                    && viewTo(c, t, block, r + count) == to) {
                count++;
            }
            count = count == 3 ? 2 : count;
            if (from < to) {
                rowsTogether(c, rows, r, count, from, to, room, state);
            }
            r += count;
        }
    }

    private static int viewFrom(Call c, Tile t, int block, int row) {
        return Math.max(0, c.sees(t.first() + row / c.group()) - block);
    }

    private static int viewTo(Call c, Tile t, int block, int row) {
        return Math.min(BLOCK, t.first() + row / c.group() + 1 - block);
    }

    private static void rowsTogether(Call c, int rows, int row, int count, int from, int to, Room room, long state) {
        int vectors = c.vectors();
        long rowBytes = (long) vectors * V;
        long q = room.q() + row * rowBytes;
        long scores = room.scores() + 4L * BLOCK * row;
        int four = from & ~3;
        if (count == 1) {
            AttentionKernels.scores(q, room.keys(), vectors, four, to, scores);
        }
        for (int i = 0; i + 1 < count; i += 2) {
            AttentionKernels.scoresOfTwo(
                    q + i * rowBytes, room.keys(), vectors, four, to, scores + 4L * BLOCK * i, 4L * BLOCK);
        }
        long acc = state + row * rowBytes;
        long numbers = state + rows * rowBytes + 8L * row;
        for (int i = 0; i < count; i++) {
            long s = scores + 4L * BLOCK * i;
            float before = get(numbers + 8L * i);
            float max = Math.max(before, AttentionKernels.maskedMax(s, BLOCK, from, to));
            float sum = AttentionKernels.weigh(s, BLOCK, max);
            float keep = AttentionKernels.exp(before - max);
            if (keep != 1) {
                AttentionKernels.scale(acc + i * rowBytes, vectors, keep);
            }
            set(numbers + 8L * i, max);
            set(numbers + 8L * i + 4, get(numbers + 8L * i + 4) * keep + sum);
        }
        switch (count) {
            case 1 -> AttentionKernels.values(scores, room.values(), vectors, from, to, acc);
            case 2 -> AttentionKernels.valuesOfTwo(scores, 4L * BLOCK, room.values(), vectors, from, to, acc);
            case 4 -> AttentionKernels.valuesOfFour(scores, 4L * BLOCK, room.values(), vectors, from, to, acc);
            default -> throw new IllegalStateException("a group of " + count + " rows");
        }
    }

    /** Adds the state of a later split to that of the earlier ones. */
    private static void mergeState(long state, long later, int vectors, int rows) {
        long rowBytes = (long) vectors * V;
        for (int r = 0; r < rows; r++) {
            long mine = state + rows * rowBytes + 8L * r;
            long other = later + rows * rowBytes + 8L * r;
            if (get(other) == Float.NEGATIVE_INFINITY) {
                continue; // the row sees nothing of that split
            }
            if (get(mine) == Float.NEGATIVE_INFINITY) { // nothing of those before: its past begins here
                Packing.copyFloats(later + r * rowBytes, state + r * rowBytes, vectors * L);
                set(mine, get(other));
                set(mine + 4, get(other + 4));
                continue;
            }
            float max = Math.max(get(mine), get(other));
            float by = AttentionKernels.exp(get(mine) - max);
            float otherBy = AttentionKernels.exp(get(other) - max);
            AttentionKernels.merge(state + r * rowBytes, by, later + r * rowBytes, otherBy, vectors);
            set(mine, max);
            set(mine + 4, get(mine + 4) * by + get(other + 4) * otherBy);
        }
    }

    private static void finish(Call c, Tile t, long state) {
        int rows = t.tokens() * c.group();
        long rowBytes = (long) c.vectors() * V;
        for (int r = 0; r < rows; r++) {
            long acc = state + r * rowBytes;
            AttentionKernels.scale(acc, c.vectors(), 1 / get(state + rows * rowBytes + 8L * r + 4));
            long to = c.out()
                    + (t.row() + r / c.group()) * Address.rowBytes(c.a().out())
                    + 4L * (t.kvHead() * c.group() + r % c.group()) * c.headDim();
            if (Packing.isSplit(c.kv().shape().dtype())) {
                Packing.unsplit(acc, c.headDim(), to);
            } else {
                Packing.copyFloats(acc, to, c.headDim());
            }
        }
    }

    private static float get(long at) {
        return Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, at);
    }

    private static void set(long at, float value) {
        Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, at, value);
    }
}
