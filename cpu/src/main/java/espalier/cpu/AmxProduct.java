package espalier.cpu;

import espalier.cpu.jit.AmxKernels;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * {@code out = x * w^T} for weights of bf16 in panels, by {@link AmxKernels}; x is rounded to bf16.
 *
 * <p>A part of the work is a group of panels by a chunk of rows, both small enough to stay in the second-level cache
 * while each pair of 16 rows passes through all panels of the group. Long sums are interrupted every {@link #SPAN}
 * elements, so that this holds for them too. Neither changes a bit, as {@link AmxKernels} says.
 */
final class AmxProduct implements Product {
    /** Elements of a sum between two interruptions. */
    private static final int SPAN = 2048;
    /** Bytes of weights in a group of panels, and of x in a chunk of rows. */
    private static final int GROUP_BYTES = 512 << 10;

    private static final int CHUNK_BYTES = 1 << 20;
    /** Bytes of streamed weights that are worth handing to another thread: some microseconds. */
    private static final int PART_BYTES = 96 << 10;

    private final Team team;
    private final AmxKernels kernels;
    private final Layout layout = new HalfLayout();
    private final Scratch input = new Scratch();
    private final Scratch calls = new Scratch();

    AmxProduct(Team team, AmxKernels kernels) {
        this.team = team;
        this.kernels = kernels;
    }

    @Override
    public void close() {
        input.close();
        calls.close();
    }

    /** Weights as {@link AmxKernels} wants them. */
    private record Panels(int out, int in, long address) {
        static Panels of(Packed w) {
            return new Panels(w.out(), w.in(), w.address());
        }

        int steps() {
            return Math.ceilDiv(in, AmxKernels.STEP);
        }

        int panels() {
            return Math.ceilDiv(out, AmxKernels.PANEL);
        }

        long panelBytes() {
            return (long) steps() * AmxKernels.STEP_BYTES;
        }
    }

    @Override
    public String formats() {
        return "bf16, and f16 rounded to it,";
    }

    @Override
    public String path() {
        return "AMX";
    }

    @Override
    public boolean takes(Matrix stored) {
        return layout.takes(stored);
    }

    @Override
    public long bytes(int out, int in) {
        var shape = new Panels(out, in, 0);
        return shape.panels() * shape.panelBytes();
    }

    @Override
    public void pack(Matrix stored, Packed w, int firstColumn) {
        Panels to = Panels.of(w);
        var panels = new Layout.Panels(to.address(), AmxKernels.PANEL, to.panelBytes());
        layout.pack(stored, panels, firstColumn, team);
    }

    @Override
    public void run(Tensor x, Packed packed, Tensor out) {
        if (x.rows() == 0) {
            return;
        }
        Panels w = Panels.of(packed);
        // an odd number of cache lines apart, or the rows of a tile would share the cache's sets
        long stride = 64L * (w.steps() | 1);
        long rounded = input.take(x.rows() * stride);
        round(x, rounded, stride);
        var job = new Job(w, rounded, stride, x.rows(), Address.of(out), Address.rowBytes(out));
        Cut cut = cut(w, x.rows(), stride);
        long memory = calls.take((long) team.lanes() * AmxKernels.CALL_BYTES);
        team.run(cut.groups * cut.chunks, (part, lane) -> {
            MemorySegment mine = Lanes.ALL.asSlice(memory + (long) lane * AmxKernels.CALL_BYTES, AmxKernels.CALL_BYTES);
            multiply(job, cut, part / cut.chunks, part % cut.chunks, mine);
        });
    }

    private record Job(Panels w, long x, long stride, int rows, long out, long outStride) {}

    private record Cut(int panelsEach, int groups, int rowsEach, int chunks) {}

    private Cut cut(Panels w, int rows, long stride) {
        long spanBytes = (long) Math.min(w.steps(), SPAN / AmxKernels.STEP) * AmxKernels.STEP_BYTES;
        int most = Math.clamp(GROUP_BYTES / spanBytes, 1, w.panels());
        if (rows <= AmxKernels.ROWS) {
            int least = Math.clamp(PART_BYTES / w.panelBytes(), 1, w.panels());
            int each = Math.clamp(Math.ceilDiv(w.panels(), 8 * team.lanes()), least, Math.max(least, most));
            return new Cut(each, Math.ceilDiv(w.panels(), each), rows, 1);
        }
        int groups = Math.ceilDiv(w.panels(), most);
        int each = Math.ceilDiv(w.panels(), groups);
        long rowBytes = Math.min(stride, 2L * SPAN);
        int rowsMost = Math.clamp(CHUNK_BYTES / rowBytes / AmxKernels.ROWS * AmxKernels.ROWS, 64, 1024);
        int chunks = Math.max(Math.ceilDiv(rows, rowsMost), Math.ceilDiv(4 * team.lanes(), groups));
        int rowsEach = Math.ceilDiv(Math.ceilDiv(rows, chunks), AmxKernels.ROWS) * AmxKernels.ROWS;
        return new Cut(each, groups, rowsEach, Math.ceilDiv(rows, rowsEach));
    }

    private void multiply(Job j, Cut cut, int group, int chunk, MemorySegment memory) {
        int firstPanel = group * cut.panelsEach;
        int columns =
                Math.min(j.w.out(), (firstPanel + cut.panelsEach) * AmxKernels.PANEL) - firstPanel * AmxKernels.PANEL;
        int end = Math.min(j.rows, (chunk + 1) * cut.rowsEach);
        int spanSteps = SPAN / AmxKernels.STEP;
        for (int step = 0; step < j.w.steps(); step += spanSteps) {
            for (int row = chunk * cut.rowsEach; row < end; row += AmxKernels.ROWS) {
                kernels.multiply(
                        new AmxKernels.Call(
                                j.x + row * j.stride + step * 2L * AmxKernels.STEP,
                                j.stride,
                                Math.min(AmxKernels.ROWS, end - row),
                                j.w.address() + firstPanel * j.w.panelBytes() + (long) step * AmxKernels.STEP_BYTES,
                                j.w.panelBytes(),
                                columns / AmxKernels.PANEL,
                                columns % AmxKernels.PANEL,
                                Math.min(spanSteps, j.w.steps() - step),
                                j.out + row * j.outStride + 4L * firstPanel * AmxKernels.PANEL,
                                j.outStride,
                                step == 0 ? AmxKernels.Start.ZERO : AmxKernels.Start.OUTPUT,
                                j.rows <= AmxKernels.ROWS ? AmxKernels.Weights.STREAMED : AmxKernels.Weights.IN_CACHE),
                        memory);
            }
        }
    }

    private void round(Tensor x, long to, long stride) {
        long from = Address.of(x);
        long rowBytes = Address.rowBytes(x);
        int cols = x.cols();
        int each = Math.max(1, 65536 / cols);
        team.run(Math.ceilDiv(x.rows(), each), (part, lane) -> {
            for (int row = part * each; row < Math.min(x.rows(), (part + 1) * each); row++) {
                roundRow(kernels, from + row * rowBytes, cols, to + row * stride);
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
