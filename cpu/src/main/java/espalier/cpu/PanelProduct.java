package espalier.cpu;

import espalier.cpu.jit.Form;
import espalier.cpu.jit.PanelKernels;
import espalier.cpu.jit.PanelKernels.Fetch;
import espalier.cpu.jit.PanelKernels.Tile;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Products by {@link PanelKernels}: converts x once, then spreads panels of weights over the team. A panel is taken by
 * one thread and read from memory once, for its first tile of rows; the other tiles find it in the second-level cache.
 */
final class PanelProduct implements Product {
    /** Elements of x that are worth another thread's converting them: some microseconds. */
    private static final int PART_ELEMENTS = 32_768;
    /** Bytes of weights that are worth handing to another thread. */
    private static final int PART_BYTES = 64 << 10;

    private final String path;
    private final Team team;
    private final Supplier<PanelKernels> loading;
    private final Form form;
    private final Layout layout;
    private final OpMemory memory;
    /** Emitted for the first matrix. */
    private @Nullable PanelKernels kernels;

    /** @param loading emits the kernels, when the first matrix is packed */
    PanelProduct(String path, Form form, Layout layout, Crew crew, Supplier<PanelKernels> loading) {
        this.path = path;
        team = crew.team();
        memory = crew.memory();
        this.loading = loading;
        this.form = form;
        this.layout = layout;
    }

    @Override
    public OpMemory.Need need(int mostRows, int out, int in) {
        long padded = in % form.stepElements() == 0 ? 0 : paddedBytes(in);
        return new OpMemory.Need(mostRows * form.inputStride(in), Math.max(padded, asideBytes(form.mostRows())));
    }

    private long paddedBytes(int count) {
        return 4L * form.steps(count) * form.stepElements();
    }

    /** Of rows of a panel that has too few columns to be stored where it belongs. */
    private long asideBytes(int rows) {
        return form.edge() == Form.Edge.WHOLE ? rows * 4L * form.columns() : 0;
    }

    @Override
    public String path() {
        return path;
    }

    @Override
    public boolean takes(Matrix stored) {
        return layout.takes(stored);
    }

    @Override
    public long bytes(int out, int in) {
        return form.panels(out) * form.panelBytes(in);
    }

    @Override
    public void pack(Matrix stored, Packed to, int firstColumn) {
        if (kernels == null) {
            kernels = loading.get();
        }
        var panels = new Layout.Panels(to.address(), form.columns(), form.panelBytes(to.in()));
        layout.pack(stored, panels, firstColumn, team);
    }

    /** One call; addresses and distances in bytes. */
    private record Job(
            PanelKernels kernels, Packed w, int rows, int steps, long x, long xStride, long out, long outStride) {}

    @Override
    public void run(Tensor x, Packed w, Tensor out) {
        int rows = x.rows();
        if (rows == 0) {
            return;
        }
        long stride = form.inputStride(w.in());
        var job = new Job(
                java.util.Objects.requireNonNull(kernels),
                w,
                rows,
                form.steps(w.in()),
                memory.shared(rows * stride),
                stride,
                Address.of(out),
                Address.rowBytes(out));
        convert(x, job);
        int panels = form.panels(w.out());
        int least = Math.clamp(PART_BYTES / (form.panelBytes(w.in()) * Math.min(rows, 8)), 1, panels);
        int each = Math.max(least, panels / (16 * team.lanes()));
        team.run(Math.ceilDiv(panels, each), (part, lane) -> {
            for (int panel = part * each; panel < Math.min(panels, (part + 1) * each); panel++) {
                multiply(job, panel, lane);
            }
        });
    }

    private void convert(Tensor x, Job job) {
        long from = Address.of(x);
        long rowBytes = Address.rowBytes(x);
        int cols = x.cols();
        boolean whole = cols % form.stepElements() == 0;
        int each = Math.max(1, PART_ELEMENTS / cols);
        team.run(Math.ceilDiv(job.rows, each), (part, lane) -> {
            for (int row = part * each; row < Math.min(job.rows, (part + 1) * each); row++) {
                long to = job.x + row * job.xStride;
                long floats = from + row * rowBytes;
                job.kernels.convert(whole ? floats : padded(floats, cols, lane), to, job.steps);
            }
        });
    }

    /** A copy of a row with zeros behind it, up to whole steps. */
    private long padded(long from, int count, int lane) {
        long bytes = paddedBytes(count);
        long at = memory.lane(lane, bytes);
        MemorySegment row = Lanes.ALL.asSlice(at, bytes);
        MemorySegment.copy(Lanes.ALL, from, row, 0, 4L * count);
        row.asSlice(4L * count).fill((byte) 0);
        return at;
    }

    /** Tiles of even height rather than full ones and a rest: one row costs almost as much as four. */
    private void multiply(Job j, int panel, int lane) {
        int columns = Math.min(form.columns(), j.w.out() - panel * form.columns());
        long weights = j.w.address() + panel * form.panelBytes(j.w.in());
        long out = j.out + 4L * panel * form.columns();
        boolean aside = columns < form.columns() && form.edge() == Form.Edge.WHOLE;
        long asideStride = 4L * form.columns();
        int tiles = Math.ceilDiv(j.rows, form.mostRows());
        for (int tile = 0; tile < tiles; tile++) {
            int row = (int) ((long) j.rows * tile / tiles);
            int rows = (int) ((long) j.rows * (tile + 1) / tiles) - row;
            Fetch fetch = tile == 0 && rows >= j.kernels.fetchingRows() ? Fetch.AHEAD : Fetch.NONE;
            long x = j.x + row * j.xStride;
            long to = aside ? memory.lane(lane, asideBytes(rows)) : out + row * j.outStride;
            long toStride = aside ? asideStride : j.outStride;
            j.kernels.multiply(new Tile(rows, x, j.xStride, weights, j.steps, columns, to, toStride), fetch);
            for (int r = 0; aside && r < rows; r++) {
                long target = out + (row + r) * j.outStride;
                MemorySegment.copy(Lanes.ALL, to + r * asideStride, Lanes.ALL, target, 4L * columns);
            }
        }
    }
}
