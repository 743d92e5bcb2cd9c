package espalier.cpu.jit;

import espalier.cpu.jit.TileFrame.Shape;
import org.jspecify.annotations.Nullable;

/** {@link RowEmitter} with AMX where there are several rows: the same whole numbers, so the same bits. */
record TiledRowEmitter(RowEmitter few) implements PanelKernels.Emitter {
    /** From how many rows on tiles are faster, up to 2.7 times. */
    private static final int LEAST_ROWS = 9;

    private static final int MOST_ROWS = 32;
    private static final int STEP = 64;
    private static final int STEP_BYTES = WideLoop.COLUMNS * STEP;

    private static final int X = Asm.RAX;
    private static final int SECOND_X = Asm.R10;
    private static final int TWO_LINES = Asm.R11;
    private static final int SCALES = 30;

    TiledRowEmitter() {
        this(new RowEmitter());
    }

    @Override
    public Form form() {
        return few.form().withMostRows(MOST_ROWS);
    }

    @Override
    public void conversion(Asm asm) {
        few.conversion(asm);
    }

    private static int sum(int block, int half) {
        return 2 * block + half;
    }

    private static int input(int block) {
        return 4 + block;
    }

    private static int weights(int half) {
        return 6 + half;
    }

    @Override
    public void product(Asm asm, int rows, @Nullable Fetching fetching) {
        if (rows < LEAST_ROWS) {
            few.product(asm, rows, fetching);
            return;
        }
        int blocks = Math.ceilDiv(rows, TileFrame.TILE_ROWS);
        var frame = new TileFrame(asm, 2 * blocks);
        var first = new Shape(Math.min(rows, TileFrame.TILE_ROWS), 64);
        var second = new Shape(Math.max(0, rows - TileFrame.TILE_ROWS), blocks == 1 ? 0 : 64);
        var whole = new Shape(TileFrame.TILE_ROWS, 64);
        frame.begin(first, first, second, second, first, second, whole, whole);
        asm.mov(X, TileFrame.X);
        if (blocks == 2) {
            asm.lea(SECOND_X, Mem.at(X, TileFrame.X_STRIDE, 8, 0));
            asm.lea(SECOND_X, Mem.at(SECOND_X, TileFrame.X_STRIDE, 8, 0));
        }
        asm.constant(TWO_LINES, 2 * TileFrame.LINE_BYTES);
        for (int i = 0; i < 2 * blocks; i++) {
            asm.tile(TileOp.TILEZERO, i, 0, 0);
        }
        loop(asm, blocks, fetching);
        for (int i = 0; i < 2 * blocks; i++) {
            asm.tile(TileOp.TILESTORED, i, TileFrame.tile(i));
        }
        scale(asm, rows);
        frame.end();
    }

    private static void loop(Asm asm, int blocks, @Nullable Fetching fetching) {
        int loop = asm.position();
        asm.tile(TileOp.TILELOADD, input(0), Mem.at(X, TileFrame.X_STRIDE, 1, 0));
        if (blocks == 2) {
            asm.tile(TileOp.TILELOADD, input(1), Mem.at(SECOND_X, TileFrame.X_STRIDE, 1, 0));
            asm.add(SECOND_X, new Asm.Constant(STEP));
        }
        for (int half = 0; half < 2; half++) {
            asm.tile(TileOp.TILELOADD, weights(half), Mem.at(TileFrame.PANEL, TWO_LINES, 1, 64 * half));
            for (int block = 0; block < blocks; block++) {
                asm.tile(TileOp.TDPBSUD, sum(block, half), input(block), weights(half));
            }
        }
        Fetching.emit(fetching, asm, TileFrame.PANEL, STEP_BYTES);
        asm.add(X, new Asm.Constant(STEP));
        asm.add(TileFrame.PANEL, new Asm.Constant(STEP_BYTES));
        asm.sub(TileFrame.STEPS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
    }

    /** As the few rows' kernel does it. By now {@link #X} is at what the first row has behind its bytes. */
    private static void scale(Asm asm, int rows) {
        for (int half = 0; half < 2; half++) {
            asm.zmm(Op.VMOVUPS, SCALES + half, Mem.at(TileFrame.PANEL, 64 * half));
        }
        for (int row = 0; row < rows; row++) {
            for (int half = 0; half < 2; half++) {
                int dot = 2 * (row % 8) + half;
                int tile = sum(row / TileFrame.TILE_ROWS, half);
                asm.zmm(Op.VPBROADCASTD, dot, Mem.at(X, 4));
                asm.zmm(Op.VPADDD, dot, dot, TileFrame.line(tile, row % TileFrame.TILE_ROWS));
                asm.zmm(Op.VCVTDQ2PS, dot, dot);
                asm.zmm(Op.VMULPS, dot, dot, Mem.at(X, 0).inAllLanes());
                asm.zmm(Op.VMULPS, dot, dot, SCALES + half);
                asm.zmm(Op.VMOVUPS_STORE, dot, Mem.at(TileFrame.OUT, 64 * half).masked(1 + half));
            }
            asm.add(X, TileFrame.X_STRIDE);
            asm.add(TileFrame.OUT, TileFrame.OUT_STRIDE);
        }
    }
}
