package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * What the product kernels of AVX-512 have in common: panels of 32 columns, two registers of sums a row from register 0
 * on, and up to 12 rows of x reached from four pointers with the stride as index, so that x needs no packing by height.
 */
final class WideLoop {
    static final int COLUMNS = 32;
    static final int WEIGHTS = Asm.RDX;

    private static final int INPUT_STRIDE = Asm.RSI;
    private static final int STEPS = Asm.RCX;
    private static final int OUTPUT = Asm.R8;
    private static final int OUTPUT_STRIDE = Asm.R9;
    /** Each points at one row of three. */
    private static final int[] ROWS = {Asm.RDI, Asm.R10, Asm.R11, Asm.RAX};

    private final Asm asm;
    private final Form form;
    private final int rows;

    WideLoop(Asm asm, Form form, int rows) {
        this.asm = asm;
        this.form = form;
        this.rows = rows;
    }

    /** Sums of one row, for the panel's first or last 16 columns. */
    static int sum(int row, int half) {
        return 2 * row + half;
    }

    /** That many bytes into the current step of a row of x. */
    static Mem input(int row, int offset) {
        int pointer = ROWS[row / 3];
        return row % 3 == 0 ? Mem.at(pointer, offset) : Mem.at(pointer, INPUT_STRIDE, row % 3, offset);
    }

    /** Up to the sums of zero; leaves rax to whoever needs it before. */
    void begin() {
        asm.kmovw(1, STEPS);
        asm.shiftRight(STEPS, 16);
        asm.kmovw(2, STEPS);
        asm.shiftRight(STEPS, 16);
        for (int row = 3; row < rows; row += 3) {
            asm.lea(ROWS[row / 3], Mem.at(ROWS[row / 3 - 1], INPUT_STRIDE, 2, 0));
            asm.add(ROWS[row / 3], INPUT_STRIDE);
        }
        for (int i = 0; i < 2 * rows; i++) {
            asm.zmm(Op.VPXORD, i, i, i);
        }
    }

    /** One turn after the other, until the steps are done. */
    void repeat(@Nullable Fetching fetching, Runnable step) {
        int loop = asm.position();
        step.run();
        Fetching.emit(fetching, asm, WEIGHTS, form.panelStepBytes());
        asm.add(WEIGHTS, new Asm.Constant(form.panelStepBytes()));
        for (int row = 0; row < rows; row += 3) {
            asm.add(ROWS[row / 3], new Asm.Constant(form.inputStepBytes()));
        }
        asm.sub(STEPS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
    }

    void store() {
        for (int row = 0; row < rows; row++) {
            for (int half = 0; half < 2; half++) {
                asm.zmm(
                        Op.VMOVUPS_STORE,
                        sum(row, half),
                        Mem.at(OUTPUT, 64 * half).masked(1 + half));
            }
            asm.add(OUTPUT, OUTPUT_STRIDE);
        }
        asm.vzeroupper();
        asm.ret();
    }
}
