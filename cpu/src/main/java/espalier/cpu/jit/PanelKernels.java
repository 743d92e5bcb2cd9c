package espalier.cpu.jit;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of one {@link Form}: products of one to {@link Form#mostRows} rows of x with one panel of weights, over
 * the whole of the sum, with all sums in registers; and the conversion of x. Every number of rows adds up a row in the
 * same order, so a row's result does not depend on how many others are computed.
 */
public final class PanelKernels {
    private final Form form;
    private final int fetchingRows;
    private final Code.Kernel[] products;
    private final Code.Kernel conversion;

    /** Whether a kernel fetches weights ahead of its reading them. */
    public enum Fetch {
        NONE,
        AHEAD
    }

    /** Writes the kernels of one form down. */
    public interface Emitter {
        Form form();

        /** What {@link PanelKernels#multiply} calls: (x, stride of x, panel, steps and columns, out, stride of out). */
        void product(Asm asm, int rows, @Nullable Fetching fetching);

        /** What {@link PanelKernels#convert} calls: (floats, converted, steps). */
        void conversion(Asm asm);
    }

    private PanelKernels(Form form, int fetchingRows, Code.Kernel[] products, Code.Kernel conversion) {
        this.form = form;
        this.fetchingRows = fetchingRows;
        this.products = products;
        this.conversion = conversion;
    }

    /** bf16 by VDPBF16PS: wants {@link Processor.Feature#AVX512_BF16}. */
    public static Emitter bf16() {
        return new Bf16Emitter();
    }

    /** Whole numbers in groups by VPDPBUSD: wants {@link Processor.Feature#AVX512_VNNI}. */
    public static Emitter groups(Grouping grouping) {
        return new GroupEmitter(grouping);
    }

    /** Bytes with one scale for each row, in weights and in x, by VPDPBUSD: wants the same. */
    public static Emitter rows() {
        return new RowEmitter();
    }

    /** Whole numbers in groups by AVX2: wants {@link Processor.Feature#AVX2}. Bytes without a minimum are signed. */
    public static Emitter narrowGroups(Grouping grouping) {
        return new NarrowGroupEmitter(grouping);
    }

    /** Signed bytes with one scale for each row, in weights and in x, by AVX2. */
    public static Emitter narrowRows() {
        return new NarrowRowEmitter();
    }

    /** Columns of a panel for AVX-512. */
    public static final int WIDE_COLUMNS = WideLoop.COLUMNS;

    /** Columns of a panel for AVX2. */
    public static final int NARROW_COLUMNS = NarrowLoop.COLUMNS;

    /** {@link #rows}, and for several rows AMX, which wants {@link AmxKernels#obstacle} to be empty. */
    public static Emitter tiledRows() {
        return new TiledRowEmitter();
    }

    /** Emits the kernels, which live as long as the arena. */
    public static PanelKernels load(Emitter emitter, Fetching fetching, Arena arena) {
        Form form = emitter.form();
        var asm = new Asm();
        var starts = new int[2 * form.mostRows()];
        for (int rows = 1; rows <= form.mostRows(); rows++) {
            for (Fetch fetch : Fetch.values()) {
                starts[index(rows, fetch)] = asm.begin(rows
                        + (rows == 1 ? " row, " : " rows, ")
                        + emitter
                        + (fetch == Fetch.AHEAD ? ", fetching" : ""));
                emitter.product(asm, rows, fetch == Fetch.AHEAD ? fetching : null);
            }
        }
        int conversion = asm.begin("conversion of x for " + emitter);
        emitter.conversion(asm);
        Code code = Code.load(asm, arena);
        var products = new Code.Kernel[starts.length];
        java.util.Arrays.setAll(products, i -> code.at(starts[i]));
        return new PanelKernels(form, fetching.fromRows(form), products, code.at(conversion));
    }

    private static int index(int rows, Fetch fetch) {
        return 2 * (rows - 1) + (fetch == Fetch.AHEAD ? 1 : 0);
    }

    public Form form() {
        return form;
    }

    /** The least number of rows whose kernels should fetch ahead where weights come from memory. */
    public int fetchingRows() {
        return fetchingRows;
    }

    /**
     * One tile.
     *
     * @param x converted rows, {@code xStride} bytes apart
     * @param columns of the panel that are stored to {@code out}
     */
    public record Tile(int rows, long x, long xStride, long panel, int steps, int columns, long out, long outStride) {}

    /** Overwrites the tile's {@code out}; whoever calls has checked that everything lies in memory. */
    public void multiply(Tile t, Fetch fetch) {
        long columns = (1L << t.columns) - 1;
        products[index(t.rows, fetch)].call(
                t.x, t.xStride, t.panel, (long) t.steps << 32 | columns, t.out, t.outStride);
    }

    /** Converts a whole row of {@code steps} times {@link Form#stepElements} floats. */
    public void convert(long floats, long converted, int steps) {
        conversion.call(floats, converted, steps, 0, 0, 0);
    }
}
