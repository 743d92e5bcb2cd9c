package espalier.cpu.jit;

import espalier.cpu.jit.TileFrame.Shape;
import org.jspecify.annotations.Nullable;

/**
 * {@link GroupEmitter} of bytes with AMX where there are many rows: dot products are whole numbers and exact, and what follows
 * them is the same in the same order, so both give the same bits.
 *
 * <p>A tile of 16 rows by 16 columns is one group's dot products. It goes through the stack into vector registers, which
 * scale it and add it to the sums of the same 16 columns; the other half of the panel is a second pass.
 */
record TiledGroupEmitter(Grouping grouping, GroupEmitter few) implements PanelKernels.Emitter {
    /** From how many rows on tiles are faster: by a tenth only, since each group's dot products pass through memory. */
    private static final int LEAST_ROWS = 9;

    private static final int DOTS = 0;
    private static final int INPUT = 1;
    private static final int NUMBERS = 2;
    // Vector registers behind the sums, of which there is one a row.
    private static final int DOT = 16;
    private static final int SPARE_DOTS = 12;
    private static final int MINIMA = 29;
    private static final int SCALES = 30;

    /** @param grouping of bytes: nibbles would have to be unpacked through memory, which costs more than tiles gain */
    TiledGroupEmitter(Grouping grouping) {
        this(grouping, new GroupEmitter(grouping));
    }

    TiledGroupEmitter {
        if (grouping.bits() != Grouping.Bits.BYTE) {
            throw new IllegalArgumentException("tiles take bytes, not " + grouping);
        }
    }

    @Override
    public Form form() {
        return few.form().withMostRows(TileFrame.TILE_ROWS);
    }

    @Override
    public void conversion(Asm asm) {
        few.conversion(asm);
    }

    @Override
    public void product(Asm asm, int rows, @Nullable Fetching fetching) {
        if (rows < LEAST_ROWS) {
            few.product(asm, rows, fetching);
            return;
        }
        var frame = new TileFrame(asm, 1);
        int lines = grouping.group() / 4;
        frame.begin(new Shape(rows, 64), new Shape(rows, grouping.group()), new Shape(lines, 64));
        for (int half = 0; half < 2; half++) {
            pass(asm, frame, rows, half, fetching);
        }
        frame.end();
    }

    private void pass(Asm asm, TileFrame frame, int rows, int half, @Nullable Fetching fetching) {
        asm.mov(TileFrame.WEIGHTS, TileFrame.PANEL);
        asm.mov(TileFrame.COUNT, TileFrame.STEPS);
        frame.pointAtRows(TileFrame.X, rows);
        for (int row = 0; row < rows; row++) {
            asm.zmm(Op.VPXORD, row, row, row);
        }
        int stepBytes = grouping.panelStepBytes(WideLoop.COLUMNS);
        int loop = asm.position();
        Fetching.emit(half == 0 ? fetching : null, asm, TileFrame.WEIGHTS, stepBytes);
        for (int group = 0; group < grouping.groupsPerStep(); group++) {
            dots(asm, half, group);
            few.loadScales(asm, TileFrame.WEIGHTS, half, group);
            for (int row = 0; row < rows; row++) {
                add(asm, row, group);
            }
        }
        asm.add(TileFrame.WEIGHTS, new Asm.Constant(stepBytes));
        frame.advanceRows(rows, grouping.inputStepBytes());
        asm.sub(TileFrame.COUNT, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.mov(TileFrame.WEIGHTS, TileFrame.OUT);
        for (int row = 0; row < rows; row++) {
            asm.zmm(Op.VMOVUPS_STORE, row, Mem.at(TileFrame.WEIGHTS, 64 * half).masked(1 + half));
            asm.add(TileFrame.WEIGHTS, TileFrame.OUT_STRIDE);
        }
    }

    private int numbersAt(int half) {
        int halfBytes = WideLoop.COLUMNS / 2 * grouping.bits().stepBytes();
        return grouping.numbersAt(WideLoop.COLUMNS) + half * halfBytes;
    }

    private void dots(Asm asm, int half, int group) {
        int skip = group * grouping.group() / 4 * TileFrame.LINE_BYTES;
        Mem numbers = Mem.at(TileFrame.WEIGHTS, TileFrame.LINE, 1, numbersAt(half) + skip);
        Mem x = Mem.at(TileFrame.firstRow(), TileFrame.X_STRIDE, 1, group * grouping.group());
        asm.tile(TileOp.TILEZERO, DOTS, 0, 0);
        asm.tile(TileOp.TILELOADD, INPUT, x);
        asm.tile(TileOp.TILELOADD, NUMBERS, numbers);
        asm.tile(TileOp.TDPBSUD, DOTS, INPUT, NUMBERS);
        asm.tile(TileOp.TILESTORED, DOTS, TileFrame.tile(DOTS));
    }

    private void add(Asm asm, int row, int group) {
        boolean minimum = grouping.zero() == Grouping.Zero.MINIMUM;
        int dot = DOT + row % SPARE_DOTS;
        int sumAt = grouping.inputSumAt(group);
        Mem dots = TileFrame.line(DOTS, row);
        if (minimum) {
            asm.zmm(Op.VCVTDQ2PS, dot, dots);
        } else {
            asm.zmm(Op.VPBROADCASTD, dot, TileFrame.row(row, sumAt));
            asm.zmm(Op.VPADDD, dot, dot, dots);
            asm.zmm(Op.VCVTDQ2PS, dot, dot);
        }
        Mem scale = TileFrame.row(row, grouping.inputScaleAt()).inAllLanes();
        asm.zmm(Op.VMULPS, dot, dot, scale);
        asm.zmm(Op.VFMADD231PS, row, SCALES, dot);
        if (minimum) {
            asm.zmm(Op.VFMADD231PS, row, MINIMA, TileFrame.row(row, sumAt).inAllLanes());
        }
    }
}
