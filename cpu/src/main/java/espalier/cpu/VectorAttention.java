package espalier.cpu;

import static espalier.cpu.Attention.BLOCK;
import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import espalier.cpu.Attention.Call;
import espalier.cpu.Attention.Stretch;
import espalier.cpu.Attention.Tile;
import espalier.tensor.DType;

/** Attention in f32 by the Vector API, whatever the cache stores: a tile's rows share one widening of each block. */
final class VectorAttention implements AttentionPath {
    private final Widening widening;

    VectorAttention(Widening widening) {
        this.widening = widening;
    }

    @Override
    public int tileRows() {
        return 32;
    }

    @Override
    public void prepare(Call c) {
        widening.prepare(c);
    }

    /** Vectors of a widened row. */
    private static int vectors(Call c) {
        return 2 * Packing.blocks(c.headDim());
    }

    @Override
    public long memoryBytes(Call c, Tile t) {
        return Room.of(c, t.tokens() * c.group(), 0).wide().end();
    }

    /** Accumulators [rows, vectors, L], then a maximum and a sum a row. */
    @Override
    public long stateBytes(Call c, int rows) {
        return (long) rows * vectors(c) * V + 8L * rows + V;
    }

    /** Where the parts of a lane's memory begin. */
    private record Room(long q, long keys, long values, long scores, long rows, Widening.Room wide) {
        static Room of(Call c, int rows, long memory) {
            long row = (long) vectors(c) * V;
            long keys = memory + rows * row;
            long scores = keys + 2 * BLOCK * row;
            long list = scores + 4L * BLOCK * rows;
            return new Room(memory, keys, keys + BLOCK * row, scores, list, Widening.Room.of(c, list + 8L * BLOCK));
        }
    }

    /** Rows [token, head of the group], scaled, in the order of the cache's format. */
    @Override
    public void begin(Call c, Tile t, long memory) {
        int vectors = vectors(c);
        for (int row = 0; row < t.tokens() * c.group(); row++) {
            long to = memory + (long) row * vectors * V;
            if (Packing.isSplit(c.kv().shape().dtype())) {
                Packing.split(c.query(t, row), c.headDim(), to, V);
            } else {
                Packing.widen(DType.F32, c.query(t, row), 0, c.headDim(), to, V);
            }
            AttentionKernels.scale(to, vectors, c.a().scale());
        }
    }

    @Override
    public void add(Call c, Stretch s, long memory, long state) {
        Tile t = s.tile();
        Room room = Room.of(c, t.tokens() * c.group(), memory);
        for (int block = s.from() / BLOCK * BLOCK; block < s.to(); block += BLOCK) {
            int from = Math.max(s.from(), block);
            int to = Math.min(s.to(), block + BLOCK);
            widenBlock(c, t, block, from, to, room);
            eachRow(c, t, block, room, state);
        }
    }

    @Override
    public void clear(Call c, int rows, long state) {
        int vectors = vectors(c);
        for (long i = 0; i < (long) rows * vectors; i++) {
            Lanes.store(Lanes.zero(), state + i * V);
        }
        long numbers = state + (long) rows * vectors * V;
        for (int r = 0; r < rows; r++) {
            set(numbers + 8L * r, Float.NEGATIVE_INFINITY);
            set(numbers + 8L * r + 4, 0);
        }
    }

    @Override
    public void copy(Call c, int rows, long state, int row, long to) {
        long rowBytes = (long) vectors(c) * V;
        int group = c.group();
        Packing.copyFloats(state + row * rowBytes, to, group * vectors(c) * L);
        Packing.copyFloats(state + rows * rowBytes + 8L * row, to + group * rowBytes, 2 * group);
    }

    private void widenBlock(Call c, Tile t, int block, int from, int to, Room room) {
        DType dtype = c.kv().shape().dtype();
        long keys = c.kv().keys(c.a().layer(), t.kvHead());
        long values = c.kv().values(c.a().layer(), t.kvHead());
        long row = (long) vectors(c) * V;
        boolean widened = Widening.applies(c);
        if (widened) {
            widening.widen(c, t, from, to, room.wide());
        } else {
            c.find(t.seat(), from, to, keys, c.kv().rowBytes(), room.rows());
        }
        for (int p = from; p < to; p++) {
            long found = widened ? 0 : Lanes.ALL.get(JAVA_LONG_UNALIGNED, room.rows() + 8L * (p - from));
            long key = widened ? room.wide().key(p) : found;
            long value = widened ? room.wide().value(p) : found + values - keys;
            Packing.widen(dtype, key, 0, c.headDim(), room.keys() + (p - block) * row, V);
            Packing.widen(dtype, value, 0, c.headDim(), room.values() + (p - block) * row, V);
        }
    }

    /** Rows with the same view of the block go together: all heads of a token, and all tokens past the block. */
    private static void eachRow(Call c, Tile t, int block, Room room, long state) {
        int rows = t.tokens() * c.group();
        for (int r = 0; r < rows; ) {
            int from = c.viewFrom(t, block, r);
            int to = c.viewTo(t, block, r);
            int count = 1;
            while (count < 4
                    && r + count < rows
                    && c.viewFrom(t, block, r + count) == from
                    && c.viewTo(t, block, r + count) == to) {
                count++;
            }
            count = count == 3 ? 2 : count;
            if (from < to) {
                rowsTogether(c, rows, r, count, from, to, room, state);
            }
            r += count;
        }
    }

    private static void rowsTogether(Call c, int rows, int row, int count, int from, int to, Room room, long state) {
        int vectors = vectors(c);
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

    @Override
    public void merge(Call c, int rows, long state, long later) {
        int vectors = vectors(c);
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

    @Override
    public void finish(Call c, Tile t, long state) {
        int rows = t.tokens() * c.group();
        long rowBytes = (long) vectors(c) * V;
        for (int r = 0; r < rows; r++) {
            long acc = state + r * rowBytes;
            AttentionKernels.scale(acc, vectors(c), 1 / get(state + rows * rowBytes + 8L * r + 4));
            long to = c.output(t, r);
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
