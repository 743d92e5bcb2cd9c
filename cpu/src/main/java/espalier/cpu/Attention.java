package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.cpu.jit.RowOps;
import espalier.tensor.DType;
import espalier.tensor.KvType;
import espalier.tensor.Ops;
import espalier.tensor.StepInputs;
import espalier.tensor.host.NarrowRows;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention over the paged cache, with the online softmax of Milakov and Gimelshein (2018), block by block as in
 * FlashAttention (Dao et al., 2022).
 *
 * <p><b>Order.</b> A query row sees its past in blocks of 64 and splits of 512 positions that lie at absolute multiples.
 * Inside a split the blocks follow each other with one running maximum, sum and accumulator, which begin afresh with
 * every split; the splits are merged first to last. That is the same whether the row is alone or among others, whether
 * its past was cached or comes in the same step, and whether the splits are spread over threads (few sequences, long
 * context) or done one after another, or whether what several sequences share is read once for all of them ({@link
 * PrefixStates}).
 *
 * <p>A <em>tile</em> is some tokens of one sequence with all the query heads of one key head: rows that share one
 * preparation of each block of keys and values, where alone the page table is read. How a block is computed is the
 * {@link AttentionPath}'s.
 */
final class Attention {
    static final int BLOCK = 64;
    static final int SPLIT = 512;

    private final Team team;
    private final OpMemory memory;
    private final RowOps rows;
    private final AttentionPath path;

    Attention(Crew crew, RowOps rows, AttentionPath path) {
        team = crew.team();
        memory = crew.memory();
        this.rows = rows;
        this.path = path;
    }

    /**
     * The most that calls like {@code a} take, which have memory for no tensor here; emits what they run.
     *
     * @param sequences that a step may have
     * @param longest no sequence has more positions
     */
    OpMemory.Need need(Ops.Attend a, int sequences, int longest) {
        Call c = Call.outline(a);
        path.prepare(c);
        int most = tokensOfTile(c, path);
        long lane = 0;
        for (int tokens = 1; tokens <= most; tokens++) {
            lane = Math.max(lane, tileBytes(c, new Tile(0, 0, tokens, 0, 0, 0)));
            lane = Math.max(lane, tileBytes(c, new Tile(0, 0, tokens, 0, 0, 1)));
        }
        int splits = Math.ceilDiv(longest, SPLIT);
        int tiles = 2 * team.lanes() - 1;
        long spread = (long) tiles * path.stateBytes(c, most * c.group());
        long own = team.lanes() == 1 || splits == 1 ? 0 : memory.mostBytes(spread, splits, 2);
        long alike = memory.mostBytes(PrefixStates.splitBytes(c, path, sequences), splits, 1);
        return new OpMemory.Need(Math.max(own, alike + PrefixStates.listBytes(sequences)), lane);
    }

    /** Of a lane that computes a whole tile: two states, and what the path wants. */
    private long tileBytes(Call c, Tile t) {
        return 2 * path.stateBytes(c, t.tokens() * c.group()) + path.memoryBytes(c, t);
    }

    /**
     * Rows {@code [row, row + tokens)} of one sequence under one key head; positions {@code first, first + 1 ...}. Or rows of
     * several sequences with the pages that they share, {@code first} behind those.
     *
     * @param rows the address of the numbers of such rows, else 0
     */
    record Tile(int seat, int row, int tokens, int first, int kvHead, long rows) {
        int last() {
            return first + tokens - 1;
        }

        int row(int token) {
            return rows == 0 ? row + token : integer(rows, token);
        }
    }

    /** Positions {@code [from, to)} of one split. */
    record Stretch(Tile tile, int from, int to) {}

    /** The call with its views as addresses. */
    record Call(Ops.Attend a, CpuKvCache kv, long q, long k, long v, long out, long positions, long slots, long pages) {

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

        /** Of shapes alone. */
        static Call outline(Ops.Attend a) {
            return new Call(a, new CpuKvCache(a.kv().shape(), 0), 0, 0, 0, 0, 0, 0, 0);
        }

        int headDim() {
            return a.headDim();
        }

        int group() {
            return a.q().cols() / a.k().cols();
        }

        /** The first position that the token at {@code position} sees. */
        int sees(int position) {
            return a.window() == 0 ? 0 : Math.max(0, position - a.window() + 1);
        }

        /** Positions {@code [low, high)} of a split are those that a tile's tokens see. */
        int low(Tile t, int split) {
            return Math.max(sees(t.first()), split * SPLIT);
        }

        int high(Tile t, int split) {
            return Math.min(t.last() + 1, (split + 1) * SPLIT);
        }

        /** The part {@code [from, to)} of a block that a row of the tile sees; empty where {@code from >= to}. */
        int viewFrom(Tile t, int block, int row) {
            return Math.max(0, sees(t.first() + row / group()) - block);
        }

        int viewTo(Tile t, int block, int row) {
            return Math.min(BLOCK, t.first() + row / group() + 1 - block);
        }

        /** Where the query of a tile's row stands, and its output in the like place. */
        long query(Tile t, int row) {
            return q + t.row(row / group()) * Address.rowBytes(a.q()) + column(t, row);
        }

        long output(Tile t, int row) {
            return out + t.row(row / group()) * Address.rowBytes(a.out()) + column(t, row);
        }

        private long column(Tile t, int row) {
            return 4L * (t.kvHead() * group() + row % group()) * headDim();
        }

        /** Writes the slots of positions {@code [from, to)} as whole numbers of 32 bits. */
        void slots(int seat, int from, int to, long list) {
            int pageSize = a.in().pageSize();
            int slots = kv.shape().slots();
            long table = pages + seat * Address.rowBytes(a.in().pageTable());
            if (pageSize == 1) {
                Lanes.copyBelow(table + 4L * from, to - from, slots, list);
                return;
            }
            for (int p = from; p < to; ) {
                int first = Lanes.ALL.get(JAVA_INT_UNALIGNED, table + 4L * (p / pageSize)) * pageSize + p % pageSize;
                int run = Math.min(to - p, pageSize - p % pageSize);
                java.util.Objects.checkFromIndexSize(first, run, slots);
                for (int i = 0; i < run; i++, p++) {
                    Lanes.ALL.set(JAVA_INT_UNALIGNED, list + 4L * (p - from), first + i);
                }
            }
        }

        /** Writes {@code base + slot * bytes} of positions {@code [from, to)} as addresses, page by page. */
        void find(int seat, int from, int to, long base, long bytes, long list) {
            int pageSize = a.in().pageSize();
            int slots = kv.shape().slots();
            long table = pages + seat * Address.rowBytes(a.in().pageTable());
            int page = from / pageSize;
            int within = from % pageSize;
            for (int p = from; p < to; page++, within = 0) {
                int slot = Lanes.ALL.get(JAVA_INT_UNALIGNED, table + 4L * page) * pageSize + within;
                int run = Math.min(to - p, pageSize - within);
                java.util.Objects.checkFromIndexSize(slot, run, slots);
                for (int end = p + run; p < end; p++, slot++) {
                    Lanes.ALL.set(JAVA_LONG_UNALIGNED, list + 8L * (p - from), base + slot * bytes);
                }
            }
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
            PrefixStates shared = PrefixStates.of(c, path, memory);
            if (shared != null) {
                shared.compute(team);
            }
            team.run(tiles.size(), (i, lane) -> wholeTile(c, tiles.get(i), lane, shared));
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
                    long scale = slot * (long) c.kv().shape().type().scaleBytes();
                    long keys = c.kv().keys(c.a().layer(), h) + to;
                    long values = c.kv().values(c.a().layer(), h) + to;
                    store(c, k, keys, c.kv().keyScales(c.a().layer(), h) + scale);
                    store(c, v, values, c.kv().valueScales(c.a().layer(), h) + scale);
                }
            }
        });
    }

    private void store(Call c, long from, long to, long scaleAt) {
        KvType type = c.kv().shape().type();
        if (type.isNarrow()) {
            NarrowRows.write(type, Lanes.ALL, from, c.headDim(), Lanes.ALL, to, scaleAt);
        } else {
            store(c.kv().shape().dtype(), from, c.headDim(), to);
        }
    }

    private void store(DType dtype, long from, int count, long to) {
        switch (dtype) {
            case F32 -> Packing.copyFloats(from, to, count);
            case BF16 -> rows.toBf16(from, to, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    short half = Float.floatToFloat16(Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, from + 4L * i));
                    Lanes.ALL.set(JAVA_SHORT_UNALIGNED, to + 2L * i, half);
                }
            }
            case I32 -> throw new IllegalArgumentException("a cache of integers");
        }
    }

    static int tokensOfTile(Call c, AttentionPath path) {
        return Math.max(1, path.tileRows() / c.group());
    }

    /** Of each sequence those of all key heads; on several nodes of each key head those of all, whose memory is on one. */
    private List<Tile> tiles(Call c) {
        var tiles = new ArrayList<Tile>();
        int kvHeads = c.kv().shape().kvHeads();
        if (team.nodes() == 1) {
            addTiles(c, 0, kvHeads, tiles);
        } else {
            for (int head = 0; head < kvHeads; head++) {
                addTiles(c, head, head + 1, tiles);
            }
        }
        return tiles;
    }

    private void addTiles(Call c, int firstHead, int endHead, List<Tile> tiles) {
        StepInputs in = c.a().in();
        int most = tokensOfTile(c, path);
        long firstRow = Address.of(in.firstRow());
        long seats = Address.of(in.seats());
        for (int s = 0; s < in.sequences(); s++) {
            int end = s + 1 < in.sequences() ? integer(firstRow, s + 1) : in.tokens();
            int seat = java.util.Objects.checkIndex(
                    integer(seats, s), in.pageTable().rows());
            for (int row = integer(firstRow, s); row < end; row += most) {
                int tokens = Math.min(most, end - row);
                for (int h = firstHead; h < endHead; h++) {
                    tiles.add(new Tile(seat, row, tokens, integer(c.positions(), row), h, 0));
                }
            }
        }
    }

    static int integer(long ints, int index) {
        return Lanes.ALL.get(JAVA_INT_UNALIGNED, ints + 4L * index);
    }

    private void wholeTile(Call c, Tile t, int lane, @Nullable PrefixStates prefixes) {
        int rows = t.tokens() * c.group();
        long stateBytes = path.stateBytes(c, rows);
        long own = memory.lane(lane, tileBytes(c, t));
        long room = own + 2 * stateBytes;
        path.begin(c, t, room);
        int shared = prefixes == null ? 0 : prefixes.end(t);
        int first = c.sees(t.first()) / SPLIT;
        long state = own;
        for (int split = first; split <= t.last() / SPLIT; split++) {
            long at = split == first ? own : own + stateBytes;
            if (prefixes != null && split * SPLIT < shared) {
                at = prefixes.state(t, split);
            } else {
                path.clear(c, rows, at);
            }
            int from = Math.max(shared, c.low(t, split));
            if (from < c.high(t, split)) {
                path.add(c, new Stretch(t, from, c.high(t, split)), room, at);
            }
            if (split == first) {
                state = at;
            } else {
                path.merge(c, rows, state, at);
            }
        }
        path.finish(c, t, state);
    }

    /**
     * Few tiles and long pasts: every split of every tile is a part; a second job merges them in order. Where their states
     * would take too much memory they come in turns, each of which goes on from the state that those before have left.
     */
    private void spreadSplits(Call c, List<Tile> tiles, int longest) {
        int rows = 0;
        for (Tile t : tiles) {
            rows = Math.max(rows, t.tokens() * c.group());
        }
        long stateBytes = path.stateBytes(c, rows);
        int each = memory.statesOf(stateBytes * tiles.size(), longest, 2);
        var states = new States(memory.shared(stateBytes * tiles.size() * each), stateBytes, each);
        for (int done = 0; done < longest; ) {
            int kept = done == 0 ? 0 : 1;
            int count = Math.min(each - kept, longest - done);
            spread(c, tiles, states, new Turn(done, count, kept, longest));
            done += count;
        }
    }

    /** States of tiles, {@code each} of every tile. */
    private record States(long address, long bytes, int each) {
        long at(int tile, int number) {
            return address + ((long) tile * each + number) * bytes;
        }
    }

    /** Splits {@code first} to {@code first + count - 1} of {@code all} of a tile; {@code kept} states stand before theirs. */
    private record Turn(int first, int count, int kept, int all) {
        boolean isLast() {
            return first + count == all;
        }
    }

    private void spread(Call c, List<Tile> tiles, States states, Turn turn) {
        team.run(tiles.size() * turn.count, (part, lane) -> {
            int tile = part / turn.count;
            int number = part % turn.count;
            Tile t = tiles.get(tile);
            int split = c.sees(t.first()) / SPLIT + turn.first + number;
            if (split <= t.last() / SPLIT) {
                long state = states.at(tile, turn.kept + number);
                long room = memory.lane(lane, path.memoryBytes(c, t));
                path.begin(c, t, room);
                path.clear(c, t.tokens() * c.group(), state);
                path.add(c, new Stretch(t, c.low(t, split), c.high(t, split)), room, state);
            }
        });
        team.run(tiles.size(), (tile, lane) -> {
            Tile t = tiles.get(tile);
            int splits = t.last() / SPLIT + 1 - c.sees(t.first()) / SPLIT;
            for (int i = 1; i < turn.kept + turn.count && turn.first - turn.kept + i < splits; i++) {
                path.merge(c, t.tokens() * c.group(), states.at(tile, 0), states.at(tile, i));
            }
            if (turn.isLast()) {
                path.finish(c, t, states.at(tile, 0));
            }
        });
    }
}
