package espalier.cpu;

import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;

import espalier.cpu.jit.RowOps;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.host.BlockRow;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * {@code out = x * w^T} in f32 by the Vector API, with the weights read as they lie in the checkpoint, or as {@link
 * QuadProduct} packed them where they are in blocks.
 *
 * <p>An output is a dot product along rows of x and w that are both contiguous, so lanes run along the sum: lane {@code
 * l} of one accumulator adds its elements of {@link #PANEL} at a time in a fixed order, these partial sums are added first
 * to last, and a fixed tree adds the lanes. No tile size, row count or thread enters that order.
 *
 * <p>Four outputs at a time are a <em>quad</em>, the unit of work for a thread. One row of x meets the four rows of
 * weights directly: this is the decode step, which bf16 passes at the speed of memory. Several rows meet a <em>panel</em>:
 * the four rows widened to floats once, {@link #PANEL} elements at a time so that they stay in the first-level cache while
 * tiles of up to 4 rows stream past. Rows come in chunks whose packed x fits the second-level cache.
 */
final class Matmul {
    /** Elements along the sum in a panel, whose four rows of floats take 32 KiB. */
    private static final int PANEL = 2048;
    /** Bytes of packed x that a chunk of rows may take. */
    private static final int CHUNK_BYTES = 3 << 19;

    private static final int MOST_CHUNK_ROWS = 120;
    /** Multiply-adds that are worth handing to another thread: some ten microseconds. */
    private static final long PART_MACS = 400_000;
    /** A tile of 4 rows needs 21 vector registers, which AVX2 has not. */
    private static final int MOST_TILE_ROWS = L == 8 ? 2 : 4;

    private static final long ACC_BYTES = 4L * V;

    private final Team team;
    private final OpMemory memory;
    private final RowOps rowOps;

    Matmul(Crew crew, RowOps rowOps) {
        this.team = crew.team();
        this.memory = crew.memory();
        this.rowOps = rowOps;
    }

    /** The most that products of up to so many rows take. */
    static OpMemory.Need need(int mostRows, int in) {
        int rows = Math.min(mostRows, chunkRows(in));
        return new OpMemory.Need(packedBytes(rows, in), quadBytes(rows));
    }

    private static long packedRowBytes(int in) {
        return (long) Packing.blocks(in) * 2 * V;
    }

    private static int chunkRows(int in) {
        return Math.clamp(CHUNK_BYTES / packedRowBytes(in) / 4 * 4, 4, MOST_CHUNK_ROWS);
    }

    /** Of a chunk's x, packed both ways. */
    private static long packedBytes(int rows, int in) {
        return 2 * rows * packedRowBytes(in);
    }

    /** Of a lane, as {@link #quad} divides it. */
    private static long quadBytes(int rows) {
        return 2 * rows * ACC_BYTES + 4L * 4 * PANEL;
    }

    /** Where a matrix's numbers are. */
    private sealed interface Source {
        /** Plain rows, one after another. */
        record Plain(DType dtype, long address, long rowBytes, int count) implements Source {
            /** Row {@code i}, or the last one: outputs past the end are computed and dropped. */
            long row(int i) {
                return address + Math.min(i, count - 1) * rowBytes;
            }
        }

        /** In blocks that nobody prepared, which are taken apart anew for each product: slow. */
        record Stored(Matrix.Blocks blocks) implements Source {}

        record Packed(Quads quads) implements Source {}

        /** Whether it is multiplied by even and odd elements of x apart. */
        default boolean isSplit() {
            return switch (this) {
                case Plain p -> Packing.isSplit(p.dtype());
                case Stored _, Packed _ -> false;
            };
        }
    }

    /** The rows of one matrix; its outputs begin at column {@code firstOut} and at quad {@code firstQuad}. */
    private record Rows(Source source, int count, int firstOut, int firstQuad) {
        int quads() {
            return (count + 3) / 4;
        }
    }

    /**
     * One chunk of rows of x against everything.
     *
     * @param split packed x for 16-bit weights, else 0
     * @param natural packed x for others, else 0
     */
    private record Chunk(List<Rows> weights, int rows, int in, long split, long natural, long out, long outRowBytes) {}

    void run(Tensor x, Matrix w, Tensor out) {
        if (x.rows() == 0) {
            return;
        }
        var weights = new ArrayList<Rows>();
        flatten(w, weights);
        boolean split = false;
        boolean natural = false;
        for (Rows r : weights) {
            split |= r.source().isSplit();
            natural |= !r.source().isSplit();
        }
        int in = w.in();
        long rowBytes = packedRowBytes(in);
        int most = chunkRows(in);
        for (int from = 0; from < x.rows(); from += most) {
            int rows = Math.min(most, x.rows() - from);
            long packed = memory.shared(packedBytes(rows, in));
            long splitAt = split ? packed : 0;
            long naturalAt = natural ? packed + rows * rowBytes : 0;
            pack(x.rows(from, rows), splitAt, naturalAt);
            Tensor to = out.rows(from, rows);
            multiply(new Chunk(weights, rows, in, splitAt, naturalAt, Address.of(to), Address.rowBytes(to)));
        }
    }

    private static void flatten(Matrix w, List<Rows> into) {
        switch (w) {
            case Matrix.Dense(Tensor t) ->
                add(new Source.Plain(t.dtype(), Address.of(t), Address.rowBytes(t), t.rows()), t.rows(), into);
            case Matrix.Blocks b -> add(new Source.Stored(b), b.out(), into);
            case Product.Packed p
            when p.by() instanceof QuadProduct by -> add(new Source.Packed(by.quads(p)), p.out(), into);
            case Matrix.Prepared p ->
                throw new IllegalArgumentException("weights that another device prepared: " + p.getClass());
            case Matrix.Stacked(var parts) -> {
                for (Matrix part : parts) {
                    flatten(part, into);
                }
            }
        }
    }

    private static void add(Source source, int count, List<Rows> into) {
        into.add(new Rows(source, count, nextOut(into), nextQuad(into)));
    }

    private static int nextOut(List<Rows> before) {
        return before.isEmpty()
                ? 0
                : before.getLast().firstOut() + before.getLast().count();
    }

    private static int nextQuad(List<Rows> before) {
        return before.isEmpty()
                ? 0
                : before.getLast().firstQuad() + before.getLast().quads();
    }

    /** The number of rows in the tile that begins where {@code left} rows are left. */
    private static int tile(int left) {
        if (left >= 4) {
            return MOST_TILE_ROWS;
        }
        return left >= 2 ? 2 : 1;
    }

    /** x in tiles: [tile][step][row of the tile][L]. */
    private void pack(Tensor x, long split, long natural) {
        long from = Address.of(x);
        long fromRow = Address.rowBytes(x);
        long packedRow = (long) Packing.blocks(x.cols()) * 2 * V;
        int count = 0;
        for (int row = 0; row < x.rows(); row += tile(x.rows() - row)) {
            count++;
        }
        int tiles = count;
        int each = (int) Math.max(1, PART_MACS / 4 / (4L * x.cols()));
        team.run((tiles + each - 1) / each, (part, lane) -> {
            int row = 0;
            for (int t = 0; t < tiles; t++) {
                int rows = tile(x.rows() - row);
                for (int r = 0; r < rows && t / each == part; r++) {
                    long source = from + (row + r) * fromRow;
                    long target = row * packedRow + (long) r * V;
                    if (split != 0) {
                        Packing.split(source, x.cols(), split + target, (long) rows * V);
                    }
                    if (natural != 0) {
                        Packing.widen(DType.F32, source, 0, x.cols(), natural + target, (long) rows * V);
                    }
                }
                row += rows;
            }
        });
    }

    private void multiply(Chunk c) {
        Rows last = c.weights().getLast();
        int quads = last.firstQuad() + last.quads();
        long macsEach = 4L * c.in() * c.rows();
        int enough = Math.clamp(PART_MACS / macsEach, 1, quads);
        int each = Math.max(enough, (quads + 8 * team.lanes() - 1) / (8 * team.lanes()));
        team.run((quads + each - 1) / each, (part, lane) -> {
            long own = memory.lane(lane, quadBytes(c.rows()));
            int end = Math.min(quads, (part + 1) * each);
            int which = 0;
            for (int quad = part * each; quad < end; quad++) {
                while (quad
                        >= c.weights().get(which).firstQuad()
                                + c.weights().get(which).quads()) {
                    which++;
                }
                quad(c, c.weights().get(which), quad, own);
            }
        });
    }

    /** Its memory holds accumulators [rows, 4, L], those of one panel alike, and the panel. */
    private void quad(Chunk c, Rows w, int quad, long memory) {
        int first = 4 * (quad - w.firstQuad());
        partial(c, w, first, 0, memory, memory + 2 * c.rows() * ACC_BYTES);
        for (int from = PANEL; from < c.in(); from += PANEL) {
            long next = memory + c.rows() * ACC_BYTES;
            partial(c, w, first, from, next, memory + 2 * c.rows() * ACC_BYTES);
            rowOps.add(memory, next, 4 * L * c.rows());
        }
        int count = Math.min(4, w.count() - first);
        long out = c.out() + 4L * (w.firstOut() + first);
        for (int r = 0; r < c.rows(); r++) {
            long acc = memory + r * ACC_BYTES;
            FloatVector sums =
                    Lanes.sums(Lanes.load(acc), Lanes.load(acc + V), Lanes.load(acc + 2 * V), Lanes.load(acc + 3 * V));
            if (count == 4) {
                Lanes.storeFour(sums, out + r * c.outRowBytes());
            } else {
                Lanes.storeFour(sums, acc);
                for (int i = 0; i < count; i++) {
                    Lanes.ALL.set(
                            ValueLayout.JAVA_FLOAT_UNALIGNED,
                            out + r * c.outRowBytes() + 4L * i,
                            Lanes.ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, acc + 4L * i));
                }
            }
        }
    }

    /** The sums over {@link #PANEL} elements from {@code from} on, or what is left. */
    private static void partial(Chunk c, Rows w, int first, int from, long acc, long panel) {
        int count = Math.min(PANEL, c.in() - from);
        if (c.rows() == 1 && count % Packing.BLOCK == 0 && isDirect(w.source())) {
            direct(c, w.source(), first, from, count, acc);
            return;
        }
        switch (w.source()) {
            case Source.Plain p -> pack(p, first, from, count, panel);
            case Source.Stored(var blocks) -> unpack(blocks, first, from, count, panel);
            case Source.Packed(var quads) -> quads.expand(first / 4, from, count, panel);
        }
        long x = w.source().isSplit() ? c.split() : c.natural();
        long packedRow = (long) Packing.blocks(c.in()) * 2 * V;
        int steps = 2 * Packing.blocks(count);
        for (int row = 0; row < c.rows(); ) {
            int rows = tile(c.rows() - row);
            long tile = x + row * packedRow + (long) from / L * rows * V;
            Tiles.panel(rows, tile, panel, steps, acc + row * ACC_BYTES);
            row += rows;
        }
    }

    private static boolean isDirect(Source source) {
        return switch (source) {
            case Source.Plain p -> p.dtype() != DType.F16;
            case Source.Stored _ -> false;
            case Source.Packed(var quads) -> quads.isDirect();
        };
    }

    private static void pack(Source.Plain w, int first, int from, int count, long panel) {
        long skip = (long) from * w.dtype().bytes();
        int whole = count / Packing.BLOCK;
        Packing.panel(
                w.dtype(),
                w.row(first) + skip,
                w.row(first + 1) + skip,
                w.row(first + 2) + skip,
                w.row(first + 3) + skip,
                whole,
                panel);
        int done = whole * Packing.BLOCK;
        for (int i = 0; i < 4 && done < count; i++) {
            long to = panel + whole * 8L * V + (long) i * V;
            Packing.widen(w.dtype(), w.row(first + i), from + done, count - done, to, 4L * V);
        }
    }

    /** Rows in blocks as a panel of f32; {@link #PANEL} is a multiple of every block. */
    private static void unpack(Matrix.Blocks w, int first, int from, int count, long panel) {
        var row = new BlockRow(w.format(), count);
        var values = new float[Packing.blocks(count) * Packing.BLOCK];
        for (int i = 0; i < 4; i++) {
            row.read(w, Math.min(first + i, w.out() - 1), from);
            row.toFloats(values);
            for (int step = 0; step < 2 * Packing.blocks(count); step++) {
                long to = panel + (4L * step + i) * V;
                MemorySegment.copy(values, step * L, Lanes.ALL, ValueLayout.JAVA_FLOAT_UNALIGNED, to, L);
            }
        }
    }

    private static void direct(Chunk c, Source w, int first, int from, int count, long acc) {
        switch (w) {
            case Source.Plain p -> direct(c, p, first, from, count, acc);
            case Source.Packed(var quads) -> quads.multiply(first / 4, c.natural() + 4L * from, from, count, acc);
            case Source.Stored _ -> throw new IllegalArgumentException("no direct product with stored blocks");
        }
    }

    private static void direct(Chunk c, Source.Plain w, int first, int from, int count, long acc) {
        long skip = (long) from * w.dtype().bytes();
        long w0 = w.row(first) + skip;
        long w1 = w.row(first + 1) + skip;
        long w2 = w.row(first + 2) + skip;
        long w3 = w.row(first + 3) + skip;
        long x = 4L * from;
        switch (w.dtype()) {
            case BF16 -> Tiles.bf16(c.split() + x, w0, w1, w2, w3, count / Packing.BLOCK, acc);
            case F32 -> Tiles.f32(c.natural() + x, w0, w1, w2, w3, count / L, acc);
            case F16, I32 -> throw new IllegalArgumentException("no direct product with " + w.dtype());
        }
    }
}
