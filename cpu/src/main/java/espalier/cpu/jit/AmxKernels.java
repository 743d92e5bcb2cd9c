package espalier.cpu.jit;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/**
 * Products of bf16 by the processor's tiles (AMX).
 *
 * <p>Weights lie in <em>panels</em> of {@value #PANEL} columns. Per {@value #STEP} along the sum a panel holds two tiles,
 * of columns 0-15 and 16-31; a tile has a row of 64 bytes for every two elements along the sum, 16 columns by 2. What
 * is missing at the edges is zero. x is plain rows of bf16, zero up to a multiple of {@value #STEP}.
 *
 * <p>A kernel takes up to 32 rows of x through as many panels as it is told to, with four sums of 16 by 16 in tile
 * registers. TDPBF16PS treats the rows of a tile alone and adds along the sum in a fixed order, so neither the number of
 * rows nor where a sum is interrupted (stored and loaded again, in f32) changes a bit.
 */
public final class AmxKernels {
    /** Columns of a panel. */
    public static final int PANEL = 32;
    /** Elements along the sum that one turn of the loop takes. */
    public static final int STEP = 32;
    /** Bytes of a panel for each step. */
    public static final int STEP_BYTES = 2 * PANEL * STEP;
    /** Rows of x that a kernel takes at most. */
    public static final int ROWS = 32;

    static final int TILE_ROWS = 16;

    private final MemorySegment configurations;
    private final Code.Kernel[] kernels = new Code.Kernel[8];
    private final Code.Kernel rounding;

    /** Bytes that {@link #multiply} wants for itself. */
    public static final int CALL_BYTES = AmxEmitter.CALL_BYTES;

    /** From where a kernel fetches weights ahead: the second level of cache, or memory. */
    public enum Weights {
        IN_CACHE,
        STREAMED
    }

    /** Whether sums begin at zero or at what the output holds. */
    public enum Start {
        ZERO,
        OUTPUT
    }

    /**
     * What one kernel does; addresses and distances in bytes.
     *
     * @param rows 1 to {@link #ROWS}
     * @param panelBytes from one panel to the next
     * @param panels that are full
     * @param lastColumns of one more panel behind them, 0 if there is none
     */
    public record Call(
            long x,
            long xStride,
            int rows,
            long weights,
            long panelBytes,
            int panels,
            int lastColumns,
            int steps,
            long out,
            long outStride,
            Start start,
            Weights source) {}

    /** Why there can be none here; empty if there can. */
    public static String obstacle(Processor processor) {
        return obstacle(processor, AmxKernels::leave);
    }

    /** Likewise; {@code leave} is asked only where the processor has tiles. */
    public static String obstacle(Processor processor, Supplier<String> leave) {
        return processor.has(Processor.Feature.AVX512_BF16, Processor.Feature.AMX_TILE, Processor.Feature.AMX_BF16)
                ? leave.get()
                : "the processor has no AMX for bf16";
    }

    /** Asks the system for leave to use tiles, which then holds for the process; empty, or why it is not given. */
    public static String leave() {
        int errno = Libc.allowTiles();
        return errno == 0 ? "" : "the system does not give leave to use AMX (arch_prctl: errno " + errno + ")";
    }

    /**
     * Asks the system for leave to use tiles, which then holds for the process.
     *
     * @throws EngineFault RESOURCE where it is not given
     */
    public AmxKernels(Arena arena) {
        String refusal = leave();
        if (!refusal.isEmpty()) {
            throw new EngineFault(EngineFault.Code.RESOURCE, refusal + "; take other kernels");
        }
        configurations = arena.allocate((long) ROWS * PANEL * Tiles.CONFIGURATION_BYTES, Tiles.CONFIGURATION_BYTES);
        for (int rows = 1; rows <= ROWS; rows++) {
            for (int columns = 1; columns <= PANEL; columns++) {
                configure(rows, columns);
            }
        }
        var asm = new Asm();
        var starts = new int[kernels.length];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = asm.begin("bf16 tiles, variant " + i);
            var from = i >> 2 == 1 ? Weights.STREAMED : Weights.IN_CACHE;
            new AmxEmitter(asm, 1 + (i & 1), 1 + (i >> 1 & 1), new AmxEmitter.Plain(from)).emit();
        }
        int roundingStart = asm.begin("rounding to bf16");
        emitRounding(asm);
        Code code = Code.load(asm, arena);
        for (int i = 0; i < starts.length; i++) {
            kernels[i] = code.at(starts[i]);
        }
        rounding = code.at(roundingStart);
    }

    private MemorySegment configuration(int rows, int columns) {
        return configurations.asSlice(
                (long) ((rows - 1) * PANEL + columns - 1) * Tiles.CONFIGURATION_BYTES, Tiles.CONFIGURATION_BYTES);
    }

    /** Tiles 0 to 3 are sums, first those of the first 16 columns; then come x's and the weights'. */
    private void configure(int rows, int columns) {
        MemorySegment c = configuration(rows, columns);
        int blocks = rows > TILE_ROWS ? 2 : 1;
        int halves = columns > TILE_ROWS ? 2 : 1;
        Tiles.configure(c);
        for (int block = 0; block < blocks; block++) {
            int high = Math.min(TILE_ROWS, rows - block * TILE_ROWS);
            Tiles.shape(c, AmxEmitter.input(block), high, 64);
            for (int half = 0; half < halves; half++) {
                int wide = 4 * Math.min(TILE_ROWS, columns - half * TILE_ROWS);
                Tiles.shape(c, AmxEmitter.sum(block, half), high, wide);
                Tiles.shape(c, AmxEmitter.weights(half), TILE_ROWS, wide);
            }
        }
    }

    /** Runs a call; {@code memory} of {@link #CALL_BYTES} belongs to the thread. */
    public void multiply(Call c, MemorySegment memory) {
        int streamed = c.source == Weights.STREAMED ? 4 : 0;
        run(c, memory, variant -> kernels[streamed + variant]);
    }

    /** Calls what {@code kernels} has for 1 or 2 blocks of rows (bit 0) by 1 or 2 halves of a panel (bit 1). */
    void run(Call c, MemorySegment memory, IntFunction<Code.Kernel> kernels) {
        int blocks = c.rows > TILE_ROWS ? 1 : 0;
        if (c.panels > 0) {
            write(c, memory, configuration(c.rows, PANEL).address(), 0, c.panels);
            kernels.apply(2 + blocks).call(memory.address(), 0, 0, 0, 0, 0);
        }
        if (c.lastColumns > 0) {
            int halves = c.lastColumns > TILE_ROWS ? 2 : 0;
            write(c, memory, configuration(c.rows, c.lastColumns).address(), c.panels, 1);
            kernels.apply(halves + blocks).call(memory.address(), 0, 0, 0, 0, 0);
        }
    }

    private static void write(Call c, MemorySegment to, long configuration, int firstPanel, int panels) {
        AmxEmitter.Field.CONFIGURATION.set(to, configuration);
        AmxEmitter.Field.X.set(to, c.x);
        AmxEmitter.Field.X_STRIDE.set(to, c.xStride);
        AmxEmitter.Field.WEIGHTS.set(to, c.weights + firstPanel * c.panelBytes);
        AmxEmitter.Field.PANEL_BYTES.set(to, c.panelBytes);
        AmxEmitter.Field.PANELS.set(to, panels);
        AmxEmitter.Field.STEPS.set(to, c.steps);
        AmxEmitter.Field.OUT.set(to, c.out + 4L * PANEL * firstPanel);
        AmxEmitter.Field.OUT_STRIDE.set(to, c.outStride);
        AmxEmitter.Field.ADDS.set(to, c.start == Start.ZERO ? 0 : 1);
    }

    /** Rounds {@code groups} times 32 floats to bf16, to nearest even. */
    public void round(long floats, long to, int groups) {
        if (groups > 0) {
            rounding.call(floats, to, groups, 0, 0, 0);
        }
    }

    private static void emitRounding(Asm asm) {
        int loop = asm.position();
        asm.zmm(Op.VMOVUPS, 0, Mem.at(Asm.RDI, 64));
        asm.zmm(Op.VCVTNE2PS2BF16, 0, 0, Mem.at(Asm.RDI, 0)); // the first source becomes the upper half
        asm.zmm(Op.VMOVDQU32_STORE, 0, Mem.at(Asm.RSI, 0));
        asm.add(Asm.RDI, new Asm.Constant(128));
        asm.add(Asm.RSI, new Asm.Constant(64));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }
}
