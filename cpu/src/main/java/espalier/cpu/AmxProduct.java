package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.ExpandingKernels;
import espalier.cpu.jit.ExpandingKernels.Greatest;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * {@code out = x * w^T} for weights in panels, by {@link AmxKernels}; x is rounded to bf16. Weights are bf16 as well, or
 * packed numbers that {@link ExpandingKernels} make bf16 of; behind those the greatest scale and minimum are kept, which
 * say by what powers of two they and x are multiplied.
 *
 * <p>A part of the work is a group of panels by a chunk of rows, both small enough to stay in the second-level cache
 * while each pair of 16 rows passes through all panels of the group. Long sums are interrupted every {@link #SPAN}
 * elements, so that this holds for them too. Neither changes a bit, as {@link AmxKernels} says.
 */
final class AmxProduct implements Product {
    /** Elements of a sum between two interruptions, where rows are many. */
    private static final int SPAN = 1024;
    /** Numbers of x between two interruptions, where rows are few and a panel passes by once. */
    private static final int FEW_NUMBERS = 1 << 16;
    /** Bytes of weights in a group of panels, and of x in a chunk of rows. */
    private static final int GROUP_BYTES = 1 << 20;

    private static final int CHUNK_BYTES = 1 << 20;
    /** Parts of the work for each thread, at least: groups rather than chunks, which expand the same weights again. */
    private static final int GROUPS_PER_LANE = 4;
    /** Behind packed weights: what {@link Greatest} says of them. */
    private static final int GREATEST_BYTES = 64;
    /** Of a lane, in front of what it expands, in whole pages. */
    private static final int CALL_BYTES = Math.ceilDiv(ExpandingKernels.CALL_BYTES, 4096) * 4096;
    /** Bytes of streamed weights that are worth handing to another thread: some microseconds. */
    private static final int PART_BYTES = 96 << 10;

    private final Team team;
    private final AmxKernels kernels;
    private final Layout layout;
    private final int stepBytes;
    private final @Nullable Supplier<ExpandingKernels> loading;
    private final OpMemory memory;
    /** Emitted for the first matrix; none where weights are bf16. */
    private @Nullable ExpandingKernels expanding;

    /** Weights of bf16. */
    AmxProduct(Crew crew, AmxKernels kernels) {
        this(crew, kernels, new HalfLayout(), AmxKernels.STEP_BYTES, null);
    }

    /**
     * Packed weights.
     *
     * @param loading emits the kernels, when the first matrix is packed
     */
    AmxProduct(Crew crew, AmxKernels kernels, GroupLayout layout, Supplier<ExpandingKernels> loading) {
        this(crew, kernels, layout, ExpandingKernels.stepBytes(layout.grouping()), loading);
    }

    private AmxProduct(
            Crew crew, AmxKernels kernels, Layout layout, int stepBytes, @Nullable Supplier<ExpandingKernels> loading) {
        team = crew.team();
        memory = crew.memory();
        this.kernels = kernels;
        this.layout = layout;
        this.stepBytes = stepBytes;
        this.loading = loading;
    }

    /** Weights as {@link AmxKernels} or {@link ExpandingKernels} want them. */
    private record Panels(int out, int in, int stepBytes, long address) {
        int steps() {
            return Math.ceilDiv(in, AmxKernels.STEP);
        }

        int count() {
            return Math.ceilDiv(out, AmxKernels.PANEL);
        }

        long bytesEach() {
            return (long) steps() * stepBytes;
        }

        long end() {
            return address + count() * bytesEach();
        }

        long at(int panel, int step) {
            return address + panel * bytesEach() + (long) step * stepBytes;
        }
    }

    private Panels panels(Packed w) {
        return new Panels(w.out(), w.in(), stepBytes, w.address());
    }

    @Override
    public String path() {
        return loading == null ? "AMX" : "AMX, as bf16";
    }

    @Override
    public boolean takes(Matrix stored) {
        return layout.takes(stored);
    }

    @Override
    public long bytes(int out, int in) {
        var shape = new Panels(out, in, stepBytes, 0);
        return shape.end() + (loading == null ? 0 : GREATEST_BYTES);
    }

    @Override
    public void pack(Matrix stored, Packed w, int firstColumn) {
        if (loading != null && expanding == null) {
            expanding = loading.get();
        }
        Panels to = panels(w);
        layout.pack(stored, new Layout.Panels(to.address, AmxKernels.PANEL, to.bytesEach()), firstColumn, team);
        if (expanding != null) {
            int first = firstColumn / AmxKernels.PANEL;
            int end = Math.ceilDiv(firstColumn + stored.out(), AmxKernels.PANEL);
            noteGreatest(expanding, to, first, end);
        }
    }

    private void noteGreatest(ExpandingKernels kernels, Panels of, int first, int end) {
        var found = new Greatest[team.lanes()];
        java.util.Arrays.fill(found, Greatest.NONE);
        team.run(end - first, (part, lane) -> {
            Greatest here = kernels.greatest(of.at(first + part, 0), of.steps(), call(memory.lane(lane, CALL_BYTES)));
            found[lane] = found[lane].and(here);
        });
        Greatest all = greatest(of);
        for (Greatest each : found) {
            all = all.and(each);
        }
        Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, of.end(), all.scale());
        Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, of.end() + 4, all.minimum());
    }

    private static Greatest greatest(Panels of) {
        return new Greatest(
                Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, of.end()), Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, of.end() + 4));
    }

    private static MemorySegment call(long own) {
        return Lanes.ALL.asSlice(own, ExpandingKernels.CALL_BYTES);
    }

    @Override
    public OpMemory.Need need(int mostRows, int out, int in) {
        var w = new Panels(out, in, stepBytes, 0);
        return new OpMemory.Need(mostRows * stride(w), CALL_BYTES + expandedBytes(w, mostRows));
    }

    /** An odd number of cache lines apart, or the rows of a tile would share the cache's sets. */
    private static long stride(Panels w) {
        return 64L * (w.steps() | 1);
    }

    /** Of a group of panels that a lane expands at a time; it does for more than {@link AmxKernels#ROWS} rows. */
    private long expandedBytes(Panels w, int rows) {
        if (loading == null || rows <= AmxKernels.ROWS) {
            return 0;
        }
        int steps = Math.min(w.steps(), spanSteps(rows));
        return cut(w, rows, stride(w)).panelsEach * ((long) steps * AmxKernels.STEP_BYTES);
    }

    @Override
    public void run(Tensor x, Packed packed, Tensor out) {
        if (x.rows() == 0) {
            return;
        }
        Panels w = panels(packed);
        long stride = stride(w);
        long rounded = memory.shared(x.rows() * stride);
        int shift = expanding == null ? 0 : expanding.shift(greatest(w));
        round(x, rounded, stride, shift);
        var job = new Job(w, shift, rounded, stride, x.rows(), Address.of(out), Address.rowBytes(out));
        Cut cut = cut(w, x.rows(), stride);
        long laneBytes = CALL_BYTES + expandedBytes(w, x.rows());
        team.run(cut.groups * cut.chunks, (part, lane) -> {
            long own = memory.lane(lane, laneBytes);
            var room = new Room(call(own), own + CALL_BYTES);
            multiply(job, cut, new Part(part / cut.chunks, part % cut.chunks), room);
        });
    }

    private record Job(Panels w, int shift, long x, long stride, int rows, long out, long outStride) {}

    /** A thread's own memory: of a call, and the address of weights that it expands. */
    private record Room(MemorySegment call, long weights) {}

    private record Part(int group, int chunk) {}

    private record Cut(int panelsEach, int groups, int rowsEach, int chunks) {}

    private static int spanSteps(int rows) {
        return (rows <= AmxKernels.ROWS ? FEW_NUMBERS / rows : SPAN) / AmxKernels.STEP;
    }

    private Cut cut(Panels w, int rows, long stride) {
        boolean few = rows <= AmxKernels.ROWS;
        int spanSteps = Math.min(w.steps(), spanSteps(rows));
        int most = Math.clamp(GROUP_BYTES / ((long) spanSteps * AmxKernels.STEP_BYTES), 1, w.count());
        if (few) {
            int least = Math.clamp(PART_BYTES / w.bytesEach(), 1, w.count());
            int each = Math.clamp(Math.ceilDiv(w.count(), 8 * team.lanes()), least, Math.max(least, most));
            return new Cut(each, Math.ceilDiv(w.count(), each), rows, 1);
        }
        int groups = Math.max(Math.ceilDiv(w.count(), most), Math.min(w.count(), GROUPS_PER_LANE * team.lanes()));
        int each = Math.ceilDiv(w.count(), groups);
        groups = Math.ceilDiv(w.count(), each);
        long rowBytes = Math.min(stride, 2L * SPAN);
        int rowsMost = Math.clamp(CHUNK_BYTES / rowBytes / AmxKernels.ROWS * AmxKernels.ROWS, 64, 1024);
        int chunks = Math.max(Math.ceilDiv(rows, rowsMost), Math.ceilDiv(GROUPS_PER_LANE * team.lanes(), groups));
        int rowsEach = Math.ceilDiv(Math.ceilDiv(rows, chunks), AmxKernels.ROWS) * AmxKernels.ROWS;
        return new Cut(each, groups, rowsEach, Math.ceilDiv(rows, rowsEach));
    }

    /** Panels of bf16, or for few rows packed ones: the first, and from one to the next. */
    private record Weights(long address, long bytesEach) {}

    private void multiply(Job j, Cut cut, Part part, Room room) {
        int firstPanel = part.group * cut.panelsEach;
        int columns =
                Math.min(j.w.out(), (firstPanel + cut.panelsEach) * AmxKernels.PANEL) - firstPanel * AmxKernels.PANEL;
        int end = Math.min(j.rows, (part.chunk + 1) * cut.rowsEach);
        boolean few = j.rows <= AmxKernels.ROWS;
        int spanSteps = spanSteps(j.rows);
        for (int step = 0; step < j.w.steps(); step += spanSteps) {
            int steps = Math.min(spanSteps, j.w.steps() - step);
            Weights weights = few || expanding == null
                    ? new Weights(j.w.at(firstPanel, step), j.w.bytesEach())
                    : expand(expanding, j, new Span(firstPanel, columns, step, steps), room.weights);
            int firstRow = part.chunk * cut.rowsEach;
            for (int row = firstRow; row < end; row += AmxKernels.ROWS) {
                boolean fromMemory = few || (row == firstRow && expanding == null);
                var call = new AmxKernels.Call(
                        j.x + row * j.stride + step * 2L * AmxKernels.STEP,
                        j.stride,
                        Math.min(AmxKernels.ROWS, end - row),
                        weights.address,
                        weights.bytesEach,
                        columns / AmxKernels.PANEL,
                        columns % AmxKernels.PANEL,
                        steps,
                        j.out + row * j.outStride + 4L * firstPanel * AmxKernels.PANEL,
                        j.outStride,
                        step == 0 ? AmxKernels.Start.ZERO : AmxKernels.Start.OUTPUT,
                        fromMemory ? AmxKernels.Weights.STREAMED : AmxKernels.Weights.IN_CACHE);
                if (few && expanding != null) {
                    expanding.multiply(call, j.shift, room.call);
                } else {
                    kernels.multiply(call, room.call);
                }
            }
        }
    }

    private record Span(int firstPanel, int columns, int firstStep, int steps) {}

    private static Weights expand(ExpandingKernels expanding, Job j, Span s, long to) {
        int panels = Math.ceilDiv(s.columns, AmxKernels.PANEL);
        long bytesEach = (long) s.steps * AmxKernels.STEP_BYTES;
        for (int i = 0; i < panels; i++) {
            expanding.expand(j.w.at(s.firstPanel + i, s.firstStep), to + i * bytesEach, s.steps, j.shift);
        }
        return new Weights(to, bytesEach);
    }

    private void round(Tensor x, long to, long stride, int shift) {
        long from = Address.of(x);
        long rowBytes = Address.rowBytes(x);
        int cols = x.cols();
        int each = Math.max(1, 65536 / cols);
        team.run(Math.ceilDiv(x.rows(), each), (part, lane) -> {
            for (int row = part * each; row < Math.min(x.rows(), (part + 1) * each); row++) {
                if (expanding == null) {
                    roundRow(kernels, from + row * rowBytes, cols, to + row * stride);
                } else { // blocks are whole steps
                    expanding.round(from + row * rowBytes, to + row * stride, cols / AmxKernels.STEP, shift);
                }
            }
        });
    }

    /** A row of floats as bf16, zero up to a multiple of a step. */
    static void roundRow(AmxKernels kernels, long from, int count, long to) {
        int groups = count / AmxKernels.STEP;
        kernels.round(from, to, groups);
        if (groups * AmxKernels.STEP < count) {
            long rest = to + 2L * groups * AmxKernels.STEP;
            Lanes.ALL.asSlice(rest, 2L * AmxKernels.STEP).fill((byte) 0);
            for (int i = groups * AmxKernels.STEP; i < count; i += Lanes.L) {
                int now = Math.min(Lanes.L, count - i);
                Lanes.storeBf16(Lanes.load(from + 4L * i, Lanes.first(now)), to + 2L * i, now);
            }
        }
    }
}
