package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

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
    private final RowOps rows;
    private final AttentionPath path;
    private final Scratch[] lanes;
    private final Scratch partial = new Scratch();

    Attention(Team team, RowOps rows, AttentionPath path) {
        this.team = team;
        this.rows = rows;
        this.path = path;
        lanes = new Scratch[team.lanes()];
        java.util.Arrays.setAll(lanes, i -> new Scratch());
    }

    void close() {
        partial.close();
        for (Scratch lane : lanes) {
            lane.close();
        }
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
            PrefixStates shared = PrefixStates.of(c, path);
            if (shared != null) {
                shared.compute(team, lanes, partial);
            }
            team.run(tiles.size(), (i, lane) -> wholeTile(c, tiles.get(i), lanes[lane], shared));
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

    /** At most, and a multiple of the group. */
    private int rowsOfTile(Call c) {
        return tokensOfTile(c, path) * c.group();
    }

    static int tokensOfTile(Call c, AttentionPath path) {
        return Math.max(1, path.tileRows() / c.group());
    }

    private List<Tile> tiles(Call c) {
        StepInputs in = c.a().in();
        int most = tokensOfTile(c, path);
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
                    tiles.add(new Tile(seat, row, tokens, integer(c.positions(), row), h, 0));
                }
            }
        }
        return tiles;
    }

    static int integer(long ints, int index) {
        return Lanes.ALL.get(JAVA_INT_UNALIGNED, ints + 4L * index);
    }

    private void wholeTile(Call c, Tile t, Scratch lane, @Nullable PrefixStates prefixes) {
        int rows = t.tokens() * c.group();
        long stateBytes = path.stateBytes(c, rows);
        long own = lane.take(2 * stateBytes + path.memoryBytes(c, t));
        long memory = own + 2 * stateBytes;
        path.begin(c, t, memory);
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
                path.add(c, new Stretch(t, from, c.high(t, split)), memory, at);
            }
            if (split == first) {
                state = at;
            } else {
                path.merge(c, rows, state, at);
            }
        }
        path.finish(c, t, state);
    }

    /** Few tiles and long pasts: every split of every tile is a part; a second job merges them in order. */
    private void spreadSplits(Call c, List<Tile> tiles, int longest) {
        long stateBytes = path.stateBytes(c, rowsOfTile(c));
        long states = partial.take(stateBytes * tiles.size() * longest);
        team.run(tiles.size() * longest, (part, lane) -> {
            Tile t = tiles.get(part / longest);
            int split = c.sees(t.first()) / SPLIT + part % longest;
            if (split <= t.last() / SPLIT) {
                long memory = lanes[lane].take(path.memoryBytes(c, t));
                path.begin(c, t, memory);
                path.clear(c, t.tokens() * c.group(), states + part * stateBytes);
                path.add(c, new Stretch(t, c.low(t, split), c.high(t, split)), memory, states + part * stateBytes);
            }
        });
        team.run(tiles.size(), (i, lane) -> {
            Tile t = tiles.get(i);
            int splits = t.last() / SPLIT + 1 - c.sees(t.first()) / SPLIT;
            long first = states + (long) i * longest * stateBytes;
            for (int s = 1; s < splits; s++) {
                path.merge(c, t.tokens() * c.group(), first, first + s * stateBytes);
            }
            path.finish(c, t, first);
        });
    }
}
