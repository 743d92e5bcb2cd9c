package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.RowOps;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.OpShapes;
import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import espalier.tensor.host.BlockRow;
import espalier.tensor.host.Cells;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Checks each call, turns views into addresses and spreads rows over the team; the loops are in the kernel classes. */
final class CpuOps implements Ops {
    /** Elements that are worth handing to another thread: some microseconds of a simple loop. */
    private static final int PART_ELEMENTS = 16_384;

    private final Team team;
    private final OpMemory memory;
    private final Arena arena;
    private final Products products;
    private final Matmul matmul;
    private final Attention attention;
    private final @Nullable Attention amxAttention;
    private final RowOps rows;
    private final Map<Rope, RotationTable> rotations = new HashMap<>();

    CpuOps(Crew crew, Arena arena, Products products) {
        AmxKernels amx = products.tiles();
        team = crew.team();
        memory = crew.memory();
        this.arena = arena;
        this.products = products;
        rows = products.rows();
        matmul = products.vectors();
        var wide = new Widening(products.widening(), arena);
        attention = new Attention(crew, rows, new VectorAttention(wide));
        amxAttention = amx == null ? null : new Attention(crew, rows, new AmxAttention(amx, wide, arena));
    }

    /** Ops that compute nothing and learn what these would take for steps of up to so many rows. */
    RehearsedOps rehearsal(int mostRows) {
        return new RehearsedOps(this, mostRows);
    }

    int lanes() {
        return team.lanes();
    }

    OpMemory memory() {
        return memory;
    }

    Products products() {
        return products;
    }

    RotationTable rotation(Rope rope) {
        return rotations.computeIfAbsent(rope, r -> new RotationTable(arena, r));
    }

    /** Bytes that are held for ops. */
    long ownBytes() {
        return memory.bytes()
                + rotations.values().stream()
                        .mapToLong(RotationTable::reservedBytes)
                        .sum();
    }

    /** What is done to one row, on one of the lanes. */
    private interface RowBody {
        void run(int row, int lane);
    }

    private void eachRow(int count, int cols, RowBody body) {
        int each = Math.max(1, PART_ELEMENTS / cols);
        team.run((count + each - 1) / each, (part, lane) -> {
            int end = Math.min(count, (part + 1) * each);
            for (int row = part * each; row < end; row++) {
                body.run(row, lane);
            }
        });
    }

    /** A row of weights as floats: itself, or a widened copy that lives until the next op. */
    private long floats(Tensor row) {
        if (row.dtype() == DType.F32) {
            return Address.of(row);
        }
        long bytes = widenedBytes(row.cols());
        long at = memory.shared(2 * bytes);
        Packing.widenNatural(row.dtype(), Address.of(row), row.cols(), at, at + bytes);
        return at;
    }

    private static long widenedBytes(int cols) {
        return (long) Packing.blocks(cols) * 2 * Lanes.V;
    }

    /** What a row of weights takes that is read as floats. */
    static OpMemory.Need needOfWeights(Tensor row) {
        return row.dtype() == DType.F32 ? OpMemory.Need.NONE : new OpMemory.Need(2 * widenedBytes(row.cols()), 0);
    }

    /** What a row of embeddings takes. */
    static OpMemory.Need needOfTable(Matrix table) {
        return table instanceof Matrix.Dense(Tensor t)
                ? new OpMemory.Need(0, widenedBytes(t.cols()))
                : OpMemory.Need.NONE;
    }

    private static int integer(long ints, int index) {
        return Lanes.ALL.get(JAVA_INT_UNALIGNED, ints + 4L * index);
    }

    @Override
    public void resolveIds(Tensor ids, Tensor lastTokens) {
        OpShapes.resolveIds(ids, lastTokens);
        for (int i = 0; i < ids.cols(); i++) {
            int id = Cells.integer(ids, 0, i);
            if (id < 0) {
                int seat = java.util.Objects.checkIndex(-1 - id, lastTokens.cols());
                Cells.setInteger(ids, 0, i, Cells.integer(lastTokens, 0, seat));
            }
        }
    }

    @Override
    public void embed(Tensor ids, Matrix table, int firstId, Tensor out) {
        OpShapes.embed(ids, table, out);
        long idsAt = Address.of(ids);
        long outAt = Address.of(out);
        int cols = out.cols();
        eachRow(out.rows(), cols, (i, lane) -> {
            int row = integer(idsAt, i) - firstId;
            long to = outAt + i * Address.rowBytes(out);
            if (row < 0 || row >= table.out()) {
                Lanes.ALL.asSlice(to, 4L * cols).fill((byte) 0);
            } else {
                widen(table, row, to, lane);
            }
        });
    }

    private void widen(Matrix table, int row, long to, int lane) {
        switch (table) {
            case Matrix.Dense(Tensor t) -> {
                long from = Address.of(t) + row * Address.rowBytes(t);
                Packing.widenNatural(t.dtype(), from, t.cols(), to, memory.lane(lane, widenedBytes(t.cols())));
            }
            case Matrix.Blocks b ->
                MemorySegment.copy(
                        BlockRow.of(b, row).toFloats(), 0, Lanes.ALL, ValueLayout.JAVA_FLOAT_UNALIGNED, to, b.in());
            case Matrix.Stacked _, Matrix.Prepared _ -> throw new IllegalArgumentException("a row of no stored matrix");
        }
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor out) {
        OpShapes.rmsNorm(x, weight, out);
        long weightAt = floats(weight);
        long xAt = Address.of(x);
        long outAt = Address.of(out);
        int cols = x.cols();
        eachRow(x.rows(), cols, (i, lane) -> {
            long row = xAt + i * Address.rowBytes(x);
            float scale = rows.rmsScale(row, cols, eps, lane);
            rows.scale(row, scale, weightAt, outAt + i * Address.rowBytes(out), cols);
        });
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        long xAt = Address.of(x);
        long deltaAt = Address.of(delta);
        int cols = x.cols();
        eachRow(
                x.rows(),
                cols,
                (i, lane) -> rows.add(xAt + i * Address.rowBytes(x), deltaAt + i * Address.rowBytes(delta), cols));
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        OpShapes.addBias(x, bias);
        long biasAt = floats(bias);
        long xAt = Address.of(x);
        int cols = x.cols();
        eachRow(x.rows(), cols, (i, lane) -> rows.add(xAt + i * Address.rowBytes(x), biasAt, cols));
    }

    @Override
    public void matmul(Tensor x, Matrix w, Tensor out) {
        OpShapes.matmul(x, w, out);
        multiply(x, w, out);
    }

    private void multiply(Tensor x, Matrix w, Tensor out) {
        switch (w) {
            case Product.Packed packed -> packed.by().run(x, packed, out);
            case Matrix.Stacked(var parts)
            when parts.stream().anyMatch(part -> part instanceof Matrix.Prepared) -> {
                int from = 0;
                for (Matrix part : parts) {
                    multiply(x, part, out.cols(from, part.out()));
                    from += part.out();
                }
            }
            case Matrix.Dense _, Matrix.Blocks _, Matrix.Stacked _, Matrix.Prepared _ -> matmul.run(x, w, out);
        }
    }

    @Override
    public void siluMul(Tensor gateUp, Tensor out) {
        OpShapes.siluMul(gateUp, out);
        long from = Address.of(gateUp);
        long outAt = Address.of(out);
        int cols = out.cols();
        eachRow(out.rows(), cols, (i, lane) -> {
            long gate = from + i * Address.rowBytes(gateUp);
            long to = outAt + i * Address.rowBytes(out);
            rows.siluMul(gate, gate + 4L * cols, to, cols);
        });
    }

    @Override
    public void rope(Tensor x, int headDim, Tensor positions, Rope rope) {
        OpShapes.rope(x, headDim, positions, rope);
        long xAt = Address.of(x);
        long positionsAt = Address.of(positions);
        RotationTable table = rotation(rope);
        for (int i = 0; i < x.rows(); i++) {
            table.reach(integer(positionsAt, i));
        }
        int half = rope.rotaryDim() / 2;
        eachRow(x.rows(), x.cols(), (i, lane) -> {
            int position = integer(positionsAt, i);
            long cosines = table.cosines(position);
            long sines = table.sines(position);
            for (int h = 0; h < x.cols(); h += headDim) {
                rows.rotate(xAt + i * Address.rowBytes(x) + 4L * h, half, cosines, sines);
            }
        });
    }

    @Override
    public void headNorm(Tensor x, int headDim, Tensor weight, float eps) {
        OpShapes.headNorm(x, headDim, weight);
        long weightAt = floats(weight);
        long xAt = Address.of(x);
        eachRow(x.rows(), x.cols(), (i, lane) -> {
            for (int h = 0; h < x.cols(); h += headDim) {
                long head = xAt + i * Address.rowBytes(x) + 4L * h;
                rows.scale(head, rows.rmsScale(head, headDim, eps, lane), weightAt, head, headDim);
            }
        });
    }

    @Override
    public void attention(Attend call) {
        OpShapes.attention(call);
        attentionFor(call).run(call);
    }

    Attention attentionFor(Attend call) {
        boolean tiles = call.kv().shape().dtype() == DType.BF16 && AmxAttention.takes(call.headDim());
        return tiles && amxAttention != null ? amxAttention : attention;
    }

    @Override
    public void scatter(Tensor values, Tensor at, Tensor table) {
        OpShapes.scatter(values, at, table);
        Cells.scatter(values, at, table);
    }

    @Override
    public void gatherRows(Tensor x, Tensor indices, Tensor out) {
        OpShapes.gatherRows(x, indices, out);
        long xAt = Address.of(x);
        long indicesAt = Address.of(indices);
        long outAt = Address.of(out);
        for (int i = 0; i < out.rows(); i++) {
            int row = java.util.Objects.checkIndex(integer(indicesAt, i), x.rows());
            Packing.copyFloats(xAt + row * Address.rowBytes(x), outAt + i * Address.rowBytes(out), x.cols());
        }
    }

    @Override
    public void copy(Tensor from, Tensor to) {
        OpShapes.copy(from, to);
        for (int i = 0; i < from.rows(); i++) {
            if (from.dtype().bytes() == 4 && to.dtype().bytes() == 4) {
                Packing.copyFloats(Address.of(from.rows(i, 1)), Address.of(to.rows(i, 1)), from.cols());
                continue;
            }
            for (int j = 0; j < from.cols(); j++) {
                Cells.setNumber(to, i, j, Cells.number(from, i, j));
            }
        }
    }
}
