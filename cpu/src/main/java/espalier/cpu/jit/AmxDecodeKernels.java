package espalier.cpu.jit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Attention of few rows that see the same, as a position's query heads that share a key head, over many blocks of keys and
 * values in one call.
 *
 * <p><b>Memory.</b> So few rows cost little arithmetic; time is that of reading memory, as long as memory is asked without
 * a pause. A block's rows are brought in one run, keys and values side by side, at which the processor's own prefetching
 * is at its best. That begins anew after every pause, which cost as much as the arithmetic itself. So the first rows of the
 * next block are fetched while one is computed; to fetch more of them was slower.
 *
 * <p><b>Sums.</b> Nothing is made of keys: they are the left factor of a product whose right factor are the queries, 16
 * positions by up to {@value #MOST_HEADS} heads. That gives the same scores to the bit as the product the other way round,
 * which {@link AmxKernels} makes of panels for many rows: TDPBF16PS adds in the same order, and the factors of one product
 * may change places. Permutations put the scores of each head together; from there on all is as {@link
 * AmxAttentionKernels} does it: the softmax, the panels of values, the order of columns in the sums.
 */
public final class AmxDecodeKernels {
    public static final int MOST_HEADS = 16;
    /** Positions of a block. */
    public static final int BLOCK = AmxAttentionKernels.BLOCK;
    /** Slots behind those of the last block, whose rows may be fetched. */
    public static final int AHEAD = 16;
    /** Bytes of a call's fields, in whole lines. */
    public static final int CALL_BYTES = 128;

    private static final int TILE_ROWS = AmxKernels.TILE_ROWS;
    private static final int TILES = BLOCK / TILE_ROWS;
    private static final int STEPS = BLOCK / AmxKernels.STEP;
    private static final int LINE = 64;
    private static final int LANES = 16;
    private static final int ALL_LANES = 0xFFFF;

    // Tile registers.
    private static final int SUM = 0;
    private static final int WEIGHTS = 2;
    /** Two of keys or values. */
    private static final int ROWS = 3;

    private static final int QUERIES = 5;
    private static final int SCORES = 6;

    // General registers that hold the same thing throughout; RAX, RCX, RDX, RSI and R8 to R11 are anyone's.
    private static final int CALL = Asm.RDI;
    private static final int KEYS = Asm.RBX;
    private static final int VALUES = Asm.R12;
    private static final int BLOCKS = Asm.R13;
    private static final int ROOM = Asm.R14;
    private static final int SLOTS = Asm.R15;

    // Vector registers: what the scores of a block are limited to.
    private static final int[] LIMITS = {6, 7, 30, 31};

    private final int headDim;
    private final int heads;
    private final int groups;
    private final MemorySegment configuration;
    private final MemorySegment orders;
    private final MemorySegment limits;
    private final Code.Kernel kernel;

    /** Fields of a call, as the kernel finds them in memory. */
    private enum Field {
        CONFIGURATION(0),
        KEYS(8),
        VALUES(16),
        SLOTS(24),
        BLOCKS(32),
        ROOM(40),
        VIEWS(48),
        QUERIES(56),
        OUT(64),
        SUMS(72),
        CONSTANTS(80),
        ORDERS(88);

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

    /**
     * What one call does; all are addresses but the count.
     *
     * @param keys where the rows of slot 0 stand, {@code 2 * headDim} bytes each; {@code values} alike
     * @param slots whole numbers of 32 bits: those of the positions of all blocks, of any row where a view hides it, and
     *     {@link #AHEAD} more
     * @param views two limits (see {@link #seenFrom}, {@link #seenTo}) of each block
     * @param queries of {@link #queryBytes}
     * @param out accumulated values of each head, {@link AmxAttentionKernels#valueStride} apart
     * @param sums of each head, {@link AmxAttentionKernels#STATE_STRIDE} apart
     * @param room of {@link #roomBytes}
     */
    public record Call(
            long keys, long values, long slots, int blocks, long views, long queries, long out, long sums, long room) {}

    /**
     * @param headDim an even number
     * @param heads query heads of a key head, at most {@link #MOST_HEADS}
     */
    public AmxDecodeKernels(Arena arena, int headDim, int heads) {
        this.headDim = headDim;
        this.heads = heads;
        groups = Math.ceilDiv(headDim, AmxKernels.STEP);
        configuration = arena.allocate(Tiles.CONFIGURATION_BYTES, LINE);
        configure();
        orders = arena.allocate((long) LINE * heads * heads, LINE);
        order();
        limits = arena.allocate(3L * 4 * BLOCK, LINE);
        for (int i = 0; i < 3 * BLOCK; i++) {
            boolean seen = i / BLOCK == 1;
            limits.setAtIndex(ValueLayout.JAVA_FLOAT, i, seen ? Float.POSITIVE_INFINITY : AmxAttentionKernels.UNSEEN);
        }
        var asm = new Asm();
        int start = asm.begin("attention of " + heads + " rows, heads of " + headDim);
        emit(asm);
        kernel = Code.load(asm, arena).at(start);
    }

    private void configure() {
        Tiles.configure(configuration);
        Tiles.shape(configuration, SUM, heads, LINE);
        Tiles.shape(configuration, SUM + 1, heads, LINE);
        Tiles.shape(configuration, WEIGHTS, heads, LINE);
        Tiles.shape(configuration, ROWS, TILE_ROWS, LINE);
        Tiles.shape(configuration, ROWS + 1, TILE_ROWS, LINE);
        Tiles.shape(configuration, QUERIES, TILE_ROWS, 4 * heads);
        Tiles.shape(configuration, SCORES, TILE_ROWS, 4 * heads);
        Tiles.shape(configuration, SCORES + 1, TILE_ROWS, 4 * heads);
    }

    /** Of 16 positions by heads, vector by vector, the elements of each head; a vector adds its own to those before. */
    private void order() {
        for (int head = 0; head < heads; head++) {
            for (int vector = 0; vector < heads; vector++) {
                for (int i = 0; i < LANES; i++) {
                    int from = i * heads + head;
                    int index = from / LANES == vector ? LANES + from % LANES : i;
                    orders.setAtIndex(ValueLayout.JAVA_INT, (long) (head * heads + vector) * LANES + i, index);
                }
            }
        }
    }

    public long roomBytes() {
        return queriesAt() + (long) groups * queryStepBytes();
    }

    private int queriesAt() {
        return weightsAt() + AmxAttentionKernels.WEIGHT_STRIDE * heads;
    }

    private int valuesAt() {
        return BLOCK * keyStride();
    }

    private int keyStride() {
        return LINE * groups;
    }

    private int scoresAt() {
        return valuesAt() + AmxAttentionKernels.VALUE_PANEL_BYTES * groups;
    }

    private int weightsAt() {
        return scoresAt() + 4 * BLOCK * heads;
    }

    /** Of the queries of all heads, rows of bf16 that are zero up to a multiple of {@link AmxKernels#STEP}. */
    public long queryBytes() {
        return (long) heads * keyStride();
    }

    private int queryStepBytes() {
        return 4 * heads * TILE_ROWS;
    }

    /** The limit that hides what comes before position {@code from} of a block. */
    public long seenFrom(int from) {
        return limits.address() + 4L * (BLOCK - from);
    }

    /** The limit that hides what comes from position {@code to} of a block on. */
    public long seenTo(int to) {
        return limits.address() + 4L * (2 * BLOCK - to);
    }

    /** Adds blocks to the state of the heads; {@code memory} of {@link #CALL_BYTES} belongs to the thread. */
    public void run(Call c, AmxAttentionKernels weighing, MemorySegment memory) {
        Field.CONFIGURATION.set(memory, configuration.address());
        Field.KEYS.set(memory, c.keys);
        Field.VALUES.set(memory, c.values);
        Field.SLOTS.set(memory, c.slots);
        Field.BLOCKS.set(memory, c.blocks);
        Field.ROOM.set(memory, c.room);
        Field.VIEWS.set(memory, c.views);
        Field.QUERIES.set(memory, c.queries);
        Field.OUT.set(memory, c.out);
        Field.SUMS.set(memory, c.sums);
        Field.CONSTANTS.set(memory, weighing.constants());
        Field.ORDERS.set(memory, orders.address());
        kernel.call(memory.address(), 0, 0, 0, 0, 0);
    }

    private void emit(Asm asm) {
        Tiles.enter(asm, Field.CONFIGURATION.at(CALL));
        asm.load(KEYS, Field.KEYS.at(CALL));
        asm.load(VALUES, Field.VALUES.at(CALL));
        asm.load(SLOTS, Field.SLOTS.at(CALL));
        asm.load(BLOCKS, Field.BLOCKS.at(CALL));
        asm.load(ROOM, Field.ROOM.at(CALL));
        asm.load(Asm.R9, Field.CONSTANTS.at(CALL));
        Softmax.flush(asm);
        Softmax.loadConstants(asm);
        emitMask(asm);
        arrangeQueries(asm);
        int block = asm.position();
        var fetching = new Fetching(asm);
        bring(asm);
        score(asm, fetching);
        weigh(asm, fetching);
        addValues(asm, fetching);
        asm.add(SLOTS, new Asm.Constant(4 * BLOCK));
        asm.sub(BLOCKS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, block);
        Softmax.flushNoMore(asm);
        Tiles.leave(asm);
    }

    /** Of a row's last, incomplete group of elements. */
    private void emitMask(Asm asm) {
        int lanes = headDim % AmxKernels.STEP / 2;
        asm.constant(Asm.RAX, ALL_LANES >> (LANES - lanes));
        asm.kmovw(1, Asm.RAX);
    }

    /** Rows of pairs of elements become columns. */
    private void arrangeQueries(Asm asm) {
        asm.load(Asm.RSI, Field.QUERIES.at(CALL));
        asm.lea(Asm.RDX, Mem.at(ROOM, queriesAt()));
        asm.constant(Asm.RCX, keyStride() / 4);
        int loop = asm.position();
        for (int head = 0; head < heads; head++) {
            asm.load32(Asm.RAX, Mem.at(Asm.RSI, head * keyStride()));
            asm.store32(Mem.at(Asm.RDX, 4 * head), Asm.RAX);
        }
        asm.add(Asm.RSI, new Asm.Constant(4));
        asm.add(Asm.RDX, new Asm.Constant(4 * heads));
        asm.sub(Asm.RCX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
    }

    /** 32 elements of the row at that distance from the row of slot 0. */
    private Mem group(int base, int distance, int group) {
        Mem m = Mem.at(base, distance, 1, LINE * group);
        return (group + 1) * AmxKernels.STEP > headDim ? m.masked(1) : m;
    }

    /** A register becomes the distance of a slot's row. */
    private void find(Asm asm, int distance, Mem slot) {
        asm.load32(distance, slot);
        asm.multiply(distance, distance, new Asm.Constant(2 * headDim));
    }

    /** Fetches the first rows of the next block, a few at a time, wherever it is called. */
    private final class Fetching {
        private final Asm asm;
        private final int times;
        private int time;
        private int row;

        Fetching(Asm asm) {
            this.asm = asm;
            times = 2 * TILES * groups + heads * Softmax.PAUSES;
        }

        void some() {
            time++;
            for (; row < AHEAD * time / times; row++) {
                find(asm, Asm.R11, Mem.at(SLOTS, 4 * (BLOCK + row)));
                for (int at = 0; at < 2 * headDim; at += LINE) {
                    asm.prefetchT0(Mem.at(KEYS, Asm.R11, 1, at));
                    asm.prefetchT0(Mem.at(VALUES, Asm.R11, 1, at));
                }
            }
        }
    }

    /** Rows of keys stand anywhere, and a tile wants them at equal distances; values become panels. */
    private void bring(Asm asm) {
        asm.constant(Asm.RCX, 0);
        asm.mov(Asm.RSI, ROOM);
        asm.lea(Asm.RDX, Mem.at(ROOM, valuesAt()));
        for (int step = 0; step < STEPS; step++) {
            int loop = asm.position();
            bringPair(asm);
            asm.add(Asm.RCX, new Asm.Constant(2));
            asm.add(Asm.RSI, new Asm.Constant(2 * keyStride()));
            asm.add(Asm.RDX, new Asm.Constant(LINE));
            asm.cmp(Asm.RCX, new Asm.Constant(AmxKernels.STEP * (step + 1)));
            asm.jump(Asm.Condition.NOT_EQUAL, loop);
            asm.add(Asm.RDX, new Asm.Constant(AmxKernels.STEP_BYTES / 2));
        }
    }

    private void bringPair(Asm asm) {
        find(asm, Asm.RAX, Mem.at(SLOTS, Asm.RCX, 4, 0));
        find(asm, Asm.R8, Mem.at(SLOTS, Asm.RCX, 4, 4));
        for (int g = 0; g < groups; g++) {
            asm.zmm(Op.VMOVDQU32, 4, group(KEYS, Asm.RAX, g));
            asm.zmm(Op.VMOVDQU32, 5, group(KEYS, Asm.R8, g));
            asm.zmm(Op.VMOVDQU32_STORE, 4, Mem.at(Asm.RSI, LINE * g));
            asm.zmm(Op.VMOVDQU32_STORE, 5, Mem.at(Asm.RSI, keyStride() + LINE * g));
        }
        for (int g = 0; g < groups; g++) {
            int at = AmxAttentionKernels.VALUE_PANEL_BYTES * g;
            asm.zmm(Op.VMOVDQU32, 0, group(VALUES, Asm.RAX, g));
            asm.zmm(Op.VMOVDQU32, 1, group(VALUES, Asm.R8, g));
            asm.zmm(Op.VPUNPCKLWD, 2, 0, 1);
            asm.zmm(Op.VPUNPCKHWD, 3, 0, 1);
            asm.zmm(Op.VMOVDQU32_STORE, 2, Mem.at(Asm.RDX, at));
            asm.zmm(Op.VMOVDQU32_STORE, 3, Mem.at(Asm.RDX, at + AmxKernels.STEP_BYTES / 2));
        }
    }

    /** Tiles of 16 positions, two at a time. */
    private void score(Asm asm, Fetching fetching) {
        asm.constant(Asm.R8, keyStride());
        asm.constant(Asm.R9, 4 * heads);
        asm.lea(Asm.RAX, Mem.at(ROOM, queriesAt()));
        for (int tile = 0; tile < TILES; tile += 2) {
            asm.tile(TileOp.TILEZERO, SCORES, 0, 0);
            asm.tile(TileOp.TILEZERO, SCORES + 1, 0, 0);
            for (int g = 0; g < groups; g++) {
                asm.tile(TileOp.TILELOADD, QUERIES, Mem.at(Asm.RAX, Asm.R9, 1, g * queryStepBytes()));
                for (int i = 0; i < 2; i++) {
                    int at = (tile + i) * TILE_ROWS * keyStride() + g * LINE;
                    asm.tile(TileOp.TILELOADD, ROWS + i, Mem.at(ROOM, Asm.R8, 1, at));
                    asm.tile(TileOp.TDPBF16PS, SCORES + i, ROWS + i, QUERIES);
                    fetching.some();
                }
            }
            for (int i = 0; i < 2; i++) {
                int at = scoresAt() + (tile + i) * TILE_ROWS * 4 * heads;
                asm.tile(TileOp.TILESTORED, SCORES + i, Mem.at(ROOM, Asm.R9, 1, at));
            }
        }
    }

    private void weigh(Asm asm, Fetching fetching) {
        asm.load(Asm.RCX, Field.VIEWS.at(CALL));
        asm.load(Asm.RAX, Mem.at(Asm.RCX, 0));
        asm.load(Asm.R8, Mem.at(Asm.RCX, 8));
        asm.add(Asm.RCX, new Asm.Constant(16));
        asm.store(Field.VIEWS.at(CALL), Asm.RCX);
        for (int i = 0; i < LIMITS.length; i++) {
            asm.zmm(Op.VMOVUPS, LIMITS[i], Mem.at(Asm.RAX, LINE * i));
            asm.zmm(Op.VMINPS, LIMITS[i], LIMITS[i], Mem.at(Asm.R8, LINE * i));
        }
        asm.lea(Asm.RSI, Mem.at(ROOM, weightsAt()));
        asm.load(Asm.RDX, Field.OUT.at(CALL));
        asm.load(Asm.RCX, Field.SUMS.at(CALL));
        asm.load(Asm.R10, Field.ORDERS.at(CALL));
        for (int head = 0; head < heads; head++) {
            gatherScores(asm);
            for (int i = 0; i < TILES; i++) {
                asm.zmm(Op.VMINPS, i, LIMITS[i], i); // of which the second stays where one is not a number
            }
            Softmax.row(asm, STEPS, groups, fetching::some);
            asm.add(Asm.R10, new Asm.Constant(LINE * heads));
            asm.add(Asm.RSI, new Asm.Constant(AmxAttentionKernels.WEIGHT_STRIDE));
            asm.add(Asm.RDX, new Asm.Constant(valueStride()));
            asm.add(Asm.RCX, new Asm.Constant(AmxAttentionKernels.STATE_STRIDE));
        }
    }

    private void gatherScores(Asm asm) {
        for (int vector = 0; vector < heads; vector++) {
            asm.zmm(Op.VMOVDQU32, Softmax.SPARE, Mem.at(Asm.R10, LINE * vector));
            for (int tile = 0; tile < TILES; tile++) {
                Mem from = Mem.at(ROOM, scoresAt() + LINE * (tile * heads + vector));
                if (vector == 0) {
                    asm.zmm(Op.VPERMD, tile, Softmax.SPARE, from);
                } else {
                    asm.zmm(Op.VPERMT2D, tile, Softmax.SPARE, from);
                }
            }
        }
    }

    private int valueStride() {
        return 4 * AmxKernels.STEP * groups + LINE;
    }

    private void addValues(Asm asm, Fetching fetching) {
        asm.constant(Asm.R8, AmxAttentionKernels.WEIGHT_STRIDE);
        asm.constant(Asm.R9, valueStride());
        asm.constant(Asm.R10, LINE);
        asm.load(Asm.RAX, Field.OUT.at(CALL));
        for (int g = 0; g < groups; g++) {
            for (int half = 0; half < 2; half++) {
                asm.tile(TileOp.TILELOADD, SUM + half, Mem.at(Asm.RAX, Asm.R9, 1, LINE * (2 * g + half)));
            }
            for (int step = 0; step < STEPS; step++) {
                asm.tile(TileOp.TILELOADD, WEIGHTS, Mem.at(ROOM, Asm.R8, 1, weightsAt() + LINE * step));
                for (int half = 0; half < 2; half++) {
                    int at = valuesAt()
                            + AmxAttentionKernels.VALUE_PANEL_BYTES * g
                            + AmxKernels.STEP_BYTES * step
                            + AmxKernels.STEP_BYTES / 2 * half;
                    asm.tile(TileOp.TILELOADD, ROWS + half, Mem.at(ROOM, Asm.R10, 1, at));
                    asm.tile(TileOp.TDPBF16PS, SUM + half, WEIGHTS, ROWS + half);
                    fetching.some();
                }
            }
            for (int half = 0; half < 2; half++) {
                asm.tile(TileOp.TILESTORED, SUM + half, Mem.at(Asm.RAX, Asm.R9, 1, LINE * (2 * g + half)));
            }
        }
    }
}
