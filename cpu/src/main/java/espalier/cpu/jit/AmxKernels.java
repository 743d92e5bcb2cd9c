package espalier.cpu.jit;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

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

    private static final int TILE_ROWS = 16;
    private static final int CONFIG_BYTES = 64;
    /** How far ahead of the tile loads weights are fetched into the second level: a fifth faster than not at all. */
    private static final int AHEAD = 2048;

    private final MemorySegment configurations;
    private final Code.Kernel[] kernels = new Code.Kernel[8];
    private final Code.Kernel rounding;

    /** Fields of {@link Call}, as the kernels find them in memory. */
    private enum Field {
        CONFIGURATION(0),
        X(8),
        X_STRIDE(16),
        WEIGHTS(24),
        PANEL_BYTES(32),
        PANELS(40),
        STEPS(48),
        OUT(56),
        OUT_STRIDE(64),
        ADDS(72);

        private final int offset;

        Field(int offset) {
            this.offset = offset;
        }

        Mem at(int base) {
            return Mem.at(base, offset);
        }
    }

    /** Bytes that {@link #multiply} wants for itself. */
    public static final int CALL_BYTES = 8 * Field.values().length;

    /** Whether a kernel fetches weights ahead: where they come from memory and will not be used again. */
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
        if (!processor.has(Processor.Feature.AVX512_BF16, Processor.Feature.AMX_TILE, Processor.Feature.AMX_BF16)) {
            return "the processor has no AMX for bf16";
        }
        int errno = Libc.allowTiles();
        return errno == 0 ? "" : "the system does not give leave to use AMX (arch_prctl: errno " + errno + ")";
    }

    /**
     * Asks the system for leave to use tiles, which then holds for the process.
     *
     * @throws EngineFault RESOURCE where it is not given
     */
    public AmxKernels(Arena arena) {
        int errno = Libc.allowTiles();
        if (errno != 0) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "the system does not give leave to use AMX (arch_prctl: errno " + errno + "); take other kernels");
        }
        configurations = arena.allocate((long) ROWS * PANEL * CONFIG_BYTES, CONFIG_BYTES);
        for (int rows = 1; rows <= ROWS; rows++) {
            for (int columns = 1; columns <= PANEL; columns++) {
                configure(rows, columns);
            }
        }
        var asm = new Asm();
        var starts = new int[kernels.length];
        for (int i = 0; i < starts.length; i++) {
            asm.align(64);
            starts[i] = asm.position();
            asm.name("bf16 tiles, variant " + i);
            new Emitter(asm, 1 + (i & 1), 1 + (i >> 1 & 1), i >> 2 == 1).emit();
        }
        asm.align(64);
        int roundingStart = asm.position();
        asm.name("rounding to bf16");
        emitRounding(asm);
        Code code = Code.load(asm, arena);
        for (int i = 0; i < starts.length; i++) {
            kernels[i] = code.at(starts[i]);
        }
        rounding = code.at(roundingStart);
    }

    private MemorySegment configuration(int rows, int columns) {
        return configurations.asSlice((long) ((rows - 1) * PANEL + columns - 1) * CONFIG_BYTES, CONFIG_BYTES);
    }

    /** Tiles 0 to 3 are sums, first those of the first 16 columns; then come x's and the weights'. */
    private void configure(int rows, int columns) {
        MemorySegment c = configuration(rows, columns);
        int blocks = rows > TILE_ROWS ? 2 : 1;
        int halves = columns > TILE_ROWS ? 2 : 1;
        c.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        for (int block = 0; block < blocks; block++) {
            int high = Math.min(TILE_ROWS, rows - block * TILE_ROWS);
            shape(c, Emitter.input(block), high, 64);
            for (int half = 0; half < halves; half++) {
                int wide = 4 * Math.min(TILE_ROWS, columns - half * TILE_ROWS);
                shape(c, Emitter.sum(block, half), high, wide);
                shape(c, Emitter.weights(half), TILE_ROWS, wide);
            }
        }
    }

    private static void shape(MemorySegment configuration, int tile, int rows, int bytes) {
        configuration.set(ValueLayout.JAVA_SHORT, 16 + 2L * tile, (short) bytes);
        configuration.set(ValueLayout.JAVA_BYTE, 48L + tile, (byte) rows);
    }

    /** Runs a call; {@code memory} of {@link #CALL_BYTES} belongs to the thread. */
    public void multiply(Call c, MemorySegment memory) {
        int blocks = c.rows > TILE_ROWS ? 1 : 0;
        int streamed = c.source == Weights.STREAMED ? 4 : 0;
        if (c.panels > 0) {
            write(c, memory, configuration(c.rows, PANEL).address(), 0, c.panels);
            kernels[streamed + 2 + blocks].call(memory.address(), 0, 0, 0, 0, 0);
        }
        if (c.lastColumns > 0) {
            int halves = c.lastColumns > TILE_ROWS ? 2 : 0;
            write(c, memory, configuration(c.rows, c.lastColumns).address(), c.panels, 1);
            kernels[streamed + halves + blocks].call(memory.address(), 0, 0, 0, 0, 0);
        }
    }

    private static void write(Call c, MemorySegment to, long configuration, int firstPanel, int panels) {
        set(to, Field.CONFIGURATION, configuration);
        set(to, Field.X, c.x);
        set(to, Field.X_STRIDE, c.xStride);
        set(to, Field.WEIGHTS, c.weights + firstPanel * c.panelBytes);
        set(to, Field.PANEL_BYTES, c.panelBytes);
        set(to, Field.PANELS, panels);
        set(to, Field.STEPS, c.steps);
        set(to, Field.OUT, c.out + 4L * PANEL * firstPanel);
        set(to, Field.OUT_STRIDE, c.outStride);
        set(to, Field.ADDS, c.start == Start.ZERO ? 0 : 1);
    }

    private static void set(MemorySegment to, Field field, long value) {
        to.set(ValueLayout.JAVA_LONG, field.offset, value);
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

    /** One kernel: 1 or 2 blocks of 16 rows by 1 or 2 halves of a panel. */
    private record Emitter(Asm asm, int blocks, int halves, boolean fetches) {
        private static final int CALL = Asm.RDI;
        private static final int X = Asm.RSI;
        private static final int X_STRIDE = Asm.RAX;
        private static final int W = Asm.RDX;
        private static final int STEPS = Asm.RCX;
        private static final int OUT = Asm.R8;
        private static final int OUT_STRIDE = Asm.R9;
        private static final int PANELS = Asm.R10;
        private static final int LINE = Asm.R11;
        private static final int SECOND_X = Asm.RBX;
        private static final int SECOND_OUT = Asm.R12;

        static int sum(int block, int half) {
            return 2 * half + block;
        }

        static int input(int block) {
            return 4 + block;
        }

        static int weights(int half) {
            return 6 + half;
        }

        void emit() {
            asm.push(Asm.RBX);
            asm.push(Asm.R12);
            asm.load(LINE, Field.CONFIGURATION.at(CALL));
            asm.tile(TileOp.LDTILECFG, 0, Mem.at(LINE, 0));
            asm.constant(LINE, 64);
            asm.load(X_STRIDE, Field.X_STRIDE.at(CALL));
            asm.load(W, Field.WEIGHTS.at(CALL));
            asm.load(OUT, Field.OUT.at(CALL));
            asm.load(OUT_STRIDE, Field.OUT_STRIDE.at(CALL));
            asm.load(PANELS, Field.PANELS.at(CALL));
            int panel = asm.position();
            asm.load(X, Field.X.at(CALL));
            sixteenRowsOn(SECOND_X, X, X_STRIDE);
            sixteenRowsOn(SECOND_OUT, OUT, OUT_STRIDE);
            beginSums();
            asm.load(STEPS, Field.STEPS.at(CALL));
            int step = asm.position();
            emitStep();
            asm.sub(STEPS, new Asm.Constant(1));
            asm.jump(Asm.Condition.NOT_EQUAL, step);
            eachSum(TileOp.TILESTORED);
            asm.add(OUT, new Asm.Constant(4 * PANEL));
            asm.load(W, Field.WEIGHTS.at(CALL));
            asm.load(X, Field.PANEL_BYTES.at(CALL));
            asm.add(W, X);
            asm.store(Field.WEIGHTS.at(CALL), W);
            asm.sub(PANELS, new Asm.Constant(1));
            asm.jump(Asm.Condition.NOT_EQUAL, panel);
            asm.tile(TileOp.TILERELEASE, 0, 0, 0);
            asm.pop(Asm.R12);
            asm.pop(Asm.RBX);
            asm.ret();
        }

        private void sixteenRowsOn(int to, int from, int stride) {
            if (blocks == 2) {
                asm.lea(to, Mem.at(from, stride, 8, 0));
                asm.lea(to, Mem.at(to, stride, 8, 0));
            }
        }

        private void beginSums() {
            asm.load(STEPS, Field.ADDS.at(CALL));
            asm.cmp(STEPS, new Asm.Constant(0));
            Asm.Jump zero = asm.jump(Asm.Condition.EQUAL);
            eachSum(TileOp.TILELOADD);
            asm.cmp(STEPS, STEPS);
            Asm.Jump done = asm.jump(Asm.Condition.EQUAL);
            asm.land(zero);
            for (int half = 0; half < halves; half++) {
                for (int block = 0; block < blocks; block++) {
                    asm.tile(TileOp.TILEZERO, sum(block, half), 0, 0);
                }
            }
            asm.land(done);
        }

        private void eachSum(TileOp op) {
            for (int half = 0; half < halves; half++) {
                asm.tile(op, sum(0, half), Mem.at(OUT, OUT_STRIDE, 1, 64 * half));
                if (blocks == 2) {
                    asm.tile(op, sum(1, half), Mem.at(SECOND_OUT, OUT_STRIDE, 1, 64 * half));
                }
            }
        }

        private void emitStep() {
            asm.tile(TileOp.TILELOADD, input(0), Mem.at(X, X_STRIDE, 1, 0));
            if (blocks == 2) {
                asm.tile(TileOp.TILELOADD, input(1), Mem.at(SECOND_X, X_STRIDE, 1, 0));
                asm.add(SECOND_X, new Asm.Constant(2 * STEP));
            }
            for (int half = 0; half < halves; half++) {
                asm.tile(TileOp.TILELOADD, weights(half), Mem.at(W, LINE, 1, STEP_BYTES / 2 * half));
                for (int at = 0; fetches && at < STEP_BYTES / 2; at += 64) {
                    asm.prefetchT1(Mem.at(W, AHEAD + STEP_BYTES / 2 * half + at));
                }
                for (int block = 0; block < blocks; block++) {
                    asm.tile(TileOp.TDPBF16PS, sum(block, half), input(block), weights(half));
                }
            }
            asm.add(X, new Asm.Constant(2 * STEP));
            asm.add(W, new Asm.Constant(STEP_BYTES));
        }
    }
}
