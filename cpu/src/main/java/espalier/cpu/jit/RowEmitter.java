package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * Products of bytes by VPDPBUSD at its full rate: the weights of a column share a scale, and so do the numbers of a row
 * of x, so that sums stay whole numbers to the end. They are exact while a row has fewer than 2^16 elements.
 *
 * <p>For every four along the sum a panel has a line of columns 0 to 15 by 4 bytes, then one of columns 16 to 31; the bytes
 * are 128 too large, since one factor has to be unsigned. Behind the last step lie the columns' scales. A row of x has
 * behind its bytes its scale, and minus 128 times their sum.
 */
record RowEmitter() implements PanelKernels.Emitter {
    private static final int STEP = 64;
    private static final int STEP_BYTES = WideLoop.COLUMNS * STEP;
    /** Two registers behind the sums. */
    private static final int WEIGHTS = 24;

    @Override
    public Form form() {
        return new Form(WideLoop.COLUMNS, STEP, STEP, STEP_BYTES, 8, 4 * WideLoop.COLUMNS, 12, 5, Form.Edge.MASKED);
    }

    @Override
    public void product(Asm asm, int rows, @Nullable Fetching fetching) {
        var loop = new WideLoop(asm, form(), rows);
        loop.begin();
        loop.repeat(fetching, () -> {
            for (int line = 0; line < STEP / 4; line++) {
                for (int half = 0; half < 2; half++) {
                    asm.zmm(Op.VMOVDQU32, WEIGHTS + half, Mem.at(WideLoop.WEIGHTS, 128 * line + 64 * half));
                }
                for (int row = 0; row < rows; row++) {
                    Mem x = WideLoop.input(row, 4 * line).inAllLanes();
                    for (int half = 0; half < 2; half++) {
                        asm.zmm(Op.VPDPBUSD, WideLoop.sum(row, half), WEIGHTS + half, x);
                    }
                }
            }
        });
        scale(asm, rows);
        loop.store();
    }

    private static void scale(Asm asm, int rows) {
        for (int half = 0; half < 2; half++) {
            asm.zmm(Op.VMOVUPS, WEIGHTS + half, Mem.at(WideLoop.WEIGHTS, 64 * half));
        }
        for (int row = 0; row < rows; row++) {
            for (int half = 0; half < 2; half++) {
                int sum = WideLoop.sum(row, half);
                asm.zmm(Op.VPADDD, sum, sum, WideLoop.input(row, 4).inAllLanes());
                asm.zmm(Op.VCVTDQ2PS, sum, sum);
                asm.zmm(Op.VMULPS, sum, sum, WideLoop.input(row, 0).inAllLanes());
                asm.zmm(Op.VMULPS, sum, sum, WEIGHTS + half);
            }
        }
    }

    @Override
    public void conversion(Asm asm) {
        new RowQuantisation(asm, STEP).emit();
    }
}
