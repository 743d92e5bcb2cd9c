package espalier.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes one kernel of {@link AmxKernels} or {@link ExpandingKernels} down: 1 or 2 blocks of 16 rows by 1 or 2 halves of
 * a panel.
 */
record AmxEmitter(Asm asm, int blocks, int halves, Source source) {
    private static final int CALL = Asm.RDI;
    private static final int X = Asm.RSI;
    private static final int X_STRIDE = Asm.RAX;
    /** The tiles that are multiplied next. */
    private static final int W = Asm.RDX;

    private static final int STEPS = Asm.RCX;
    private static final int OUT = Asm.R8;
    private static final int OUT_STRIDE = Asm.R9;
    private static final int PANELS = Asm.R10;
    private static final int LINE = Asm.R11;
    private static final int SECOND_X = Asm.RBX;
    private static final int SECOND_OUT = Asm.R12;
    // Where weights are expanded: what is read, where the step after W's goes, and what exchanges the two.
    private static final int PACKED = Asm.R13;
    private static final int NEXT = Asm.R14;
    private static final int SPARE = Asm.R15;

    private static final int HALF_BYTES = AmxKernels.STEP_BYTES / 2;
    /**
     * How far ahead of the tile loads weights are fetched: from memory into the second level, a fifth faster than not at
     * all; from there into the first, up to 7% faster.
     */
    private static final int AHEAD = 2048;

    /** The same for packed weights that are expanded: both levels of cache and 2 to 8 KiB differ by a few hundredths. */
    private static final int PACKED_AHEAD = 4096;

    /** Fields of a call, as the kernels find them in memory. */
    enum Field {
        CONFIGURATION(0),
        X(8),
        X_STRIDE(16),
        WEIGHTS(24),
        PANEL_BYTES(32),
        PANELS(40),
        STEPS(48),
        OUT(56),
        OUT_STRIDE(64),
        ADDS(72),
        TABLES(80);

        private final int offset;

        Field(int offset) {
            this.offset = offset;
        }

        Mem at(int base) {
            return Mem.at(base, offset);
        }

        void set(MemorySegment call, long value) {
            call.set(ValueLayout.JAVA_LONG, offset, value);
        }
    }

    /** Bytes of a call's fields, in whole lines. */
    static final int CALL_BYTES = 128;
    /** Behind them, where weights are packed: two steps of expanded weights. */
    static final int ROOM_BYTES = 2 * AmxKernels.STEP_BYTES;

    /** What the weights are. */
    sealed interface Source {}

    /** bf16 as tiles take it. */
    record Plain(AmxKernels.Weights from) implements Source {}

    /** Packed numbers, which become bf16 a step ahead of the tiles. */
    record Packed(Expansion expansion) implements Source {}

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
        Tiles.enter(asm, Field.CONFIGURATION.at(CALL));
        asm.constant(LINE, 64);
        asm.load(X_STRIDE, Field.X_STRIDE.at(CALL));
        asm.load(OUT, Field.OUT.at(CALL));
        asm.load(OUT_STRIDE, Field.OUT_STRIDE.at(CALL));
        asm.load(PANELS, Field.PANELS.at(CALL));
        if (source instanceof Packed(Expansion expansion)) {
            asm.load(SPARE, Field.TABLES.at(CALL));
            expansion.begin(asm, SPARE);
        }
        int panel = asm.position();
        asm.load(X, Field.X.at(CALL));
        sixteenRowsOn(SECOND_X, X, X_STRIDE);
        sixteenRowsOn(SECOND_OUT, OUT, OUT_STRIDE);
        beginSums();
        asm.load(STEPS, Field.STEPS.at(CALL));
        switch (source) {
            case Plain plain -> plainSteps(plain);
            case Packed(Expansion expansion) -> packedSteps(expansion);
        }
        eachSum(TileOp.TILESTORED);
        asm.add(OUT, new Asm.Constant(4 * AmxKernels.PANEL));
        asm.load(W, Field.WEIGHTS.at(CALL));
        asm.load(X, Field.PANEL_BYTES.at(CALL));
        asm.add(W, X);
        asm.store(Field.WEIGHTS.at(CALL), W);
        asm.sub(PANELS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, panel);
        Tiles.leave(asm);
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

    private void plainSteps(Plain plain) {
        asm.load(W, Field.WEIGHTS.at(CALL));
        int step = asm.position();
        loadInput();
        for (int half = 0; half < halves; half++) {
            multiply(half);
            for (int at = 0; at < HALF_BYTES; at += 64) {
                Mem line = Mem.at(W, AHEAD + HALF_BYTES * half + at);
                switch (plain.from) {
                    case STREAMED -> asm.prefetchT1(line);
                    case IN_CACHE -> asm.prefetchT0(line);
                }
            }
        }
        asm.add(W, new Asm.Constant(AmxKernels.STEP_BYTES));
        asm.sub(STEPS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, step);
    }

    /**
     * A step is expanded into one half of the room while the tiles take the step before from the other: so the tile loads
     * find lines that were stored a while ago, and the two kinds of arithmetic overlap.
     */
    private void packedSteps(Expansion expansion) {
        asm.load(PACKED, Field.WEIGHTS.at(CALL));
        asm.lea(NEXT, Mem.at(CALL, CALL_BYTES));
        asm.lea(W, Mem.at(CALL, CALL_BYTES + AmxKernels.STEP_BYTES));
        for (int half = 0; half < halves; half++) {
            expansion.half(asm, new Expansion.Half(PACKED, NEXT, half), 0);
        }
        int step = asm.position();
        asm.add(PACKED, new Asm.Constant(expansion.stepBytes()));
        asm.mov(SPARE, W);
        asm.mov(W, NEXT);
        asm.mov(NEXT, SPARE);
        asm.sub(STEPS, new Asm.Constant(1));
        Asm.Jump last = asm.jump(Asm.Condition.EQUAL);
        loadInput();
        for (int half = 0; half < halves; half++) {
            multiply(half);
            expansion.half(asm, new Expansion.Half(PACKED, NEXT, half), PACKED_AHEAD);
        }
        asm.cmp(STEPS, STEPS);
        asm.jump(Asm.Condition.EQUAL, step);
        asm.land(last);
        loadInput();
        for (int half = 0; half < halves; half++) {
            multiply(half);
        }
    }

    private void loadInput() {
        asm.tile(TileOp.TILELOADD, input(0), Mem.at(X, X_STRIDE, 1, 0));
        if (blocks == 2) {
            asm.tile(TileOp.TILELOADD, input(1), Mem.at(SECOND_X, X_STRIDE, 1, 0));
            asm.add(SECOND_X, new Asm.Constant(2 * AmxKernels.STEP));
        }
        asm.add(X, new Asm.Constant(2 * AmxKernels.STEP));
    }

    private void multiply(int half) {
        asm.tile(TileOp.TILELOADD, weights(half), Mem.at(W, LINE, 1, HALF_BYTES * half));
        for (int block = 0; block < blocks; block++) {
            asm.tile(TileOp.TDPBF16PS, sum(block, half), input(block), weights(half));
        }
    }
}
