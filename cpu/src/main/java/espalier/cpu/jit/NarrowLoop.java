package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * What the product kernels of AVX2 have in common: panels of 16 columns, two registers of sums a row from register 0 on,
 * and up to 4 rows of x. Whole numbers are multiplied by VPMADDUBSW, unsigned by signed bytes in pairs, and added up by
 * VPMADDWD with ones.
 */
final class NarrowLoop {
    static final int COLUMNS = 16;
    static final int MOST_ROWS = 4;
    static final int WEIGHTS = Asm.RDX;

    private static final int INPUT_STRIDE = Asm.RSI;
    private static final int STEPS = Asm.RCX;
    private static final int OUTPUT = Asm.R8;
    private static final int OUTPUT_STRIDE = Asm.R9;
    private static final int FIRST_ROW = Asm.RDI;
    private static final int FOURTH_ROW = Asm.R10;

    // Vector registers behind the sums and four more.
    private static final int NUMBERS = 12;
    private static final int UNSIGNED = 13;
    private static final int SPARE = 14;
    private static final int ONES = 15;

    private final Asm asm;
    private final Form form;
    private final int rows;

    NarrowLoop(Asm asm, Form form, int rows) {
        this.asm = asm;
        this.form = form;
        this.rows = rows;
    }

    /** Sums of one row, for the panel's first or last 8 columns. */
    static int sum(int row, int half) {
        return 2 * row + half;
    }

    static Mem input(int row, int offset) {
        return switch (row) {
            case 0 -> Mem.at(FIRST_ROW, offset);
            case 3 -> Mem.at(FOURTH_ROW, offset);
            default -> Mem.at(FIRST_ROW, INPUT_STRIDE, row, offset);
        };
    }

    /** Sets all lanes of 32 bits; overwrites rax. */
    static void repeat(Asm asm, int vector, int bits) {
        asm.constant(Asm.RAX, bits);
        asm.narrowest(Op.VMOVD, vector, Asm.RAX);
        asm.ymm(Op.VPBROADCASTD, vector, vector);
    }

    void begin() {
        asm.shiftRight(STEPS, 32); // the mask of columns is not used
        if (rows == MOST_ROWS) {
            asm.lea(FOURTH_ROW, Mem.at(FIRST_ROW, INPUT_STRIDE, 2, 0));
            asm.add(FOURTH_ROW, INPUT_STRIDE);
        }
        for (int i = 0; i < 2 * rows; i++) {
            asm.ymm(Op.VPXORD, i, i, i);
        }
        repeat(asm, ONES, 0x00010001);
    }

    void repeat(@Nullable Fetching fetching, Runnable step) {
        int loop = asm.position();
        step.run();
        Fetching.emit(fetching, asm, WEIGHTS, form.panelStepBytes());
        asm.add(WEIGHTS, new Asm.Constant(form.panelStepBytes()));
        asm.add(FIRST_ROW, new Asm.Constant(form.inputStepBytes()));
        if (rows == MOST_ROWS) {
            asm.add(FOURTH_ROW, new Asm.Constant(form.inputStepBytes()));
        }
        asm.sub(STEPS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
    }

    /** Loads a line of 8 columns by 4 signed numbers, and their magnitudes. */
    void loadSigned(int offset) {
        asm.ymm(Op.VMOVDQU32, NUMBERS, Mem.at(WEIGHTS, offset));
        asm.ymm(Op.VPABSB, UNSIGNED, NUMBERS);
    }

    /** Loads a line of unsigned numbers, which must be so small that pairs of products fit 16 bits. */
    void loadUnsigned(int offset) {
        asm.ymm(Op.VMOVDQU32, UNSIGNED, Mem.at(WEIGHTS, offset));
    }

    /** What {@link #loadNibbles} wants before, and nothing else may overwrite: a register that signed numbers would take. */
    void prepareNibbles() {
        repeat(asm, NUMBERS, 0x0F0F0F0F);
    }

    /** The line's nibbles: those in the low halves of its bytes, or those in the high ones. */
    void loadNibbles(int offset, boolean high) {
        loadUnsigned(offset);
        if (high) {
            asm.ymm(Op.VPSRLD, UNSIGNED, 0, UNSIGNED, new Asm.Constant(4));
        }
        asm.ymm(Op.VPANDD, UNSIGNED, UNSIGNED, NUMBERS);
    }

    /** Adds the line's dot products with four numbers of x to a register. */
    void dot(int to, Mem fourOfX, boolean signed) {
        asm.ymm(Op.VPBROADCASTD, SPARE, fourOfX);
        if (signed) {
            asm.ymm(Op.VPSIGNB, SPARE, SPARE, NUMBERS); // the magnitudes are multiplied by x with the sign of both
        }
        asm.ymm(Op.VPMADDUBSW, SPARE, UNSIGNED, SPARE);
        asm.ymm(Op.VPMADDWD, SPARE, SPARE, ONES);
        asm.ymm(Op.VPADDD, to, to, SPARE);
    }

    /** {@code sum += weight * factor} with a factor that all columns share. */
    void addScaled(int sum, int weight, Mem factor) {
        asm.ymm(Op.VBROADCASTSS, SPARE, factor);
        asm.ymm(Op.VFMADD231PS, sum, weight, SPARE);
    }

    /** {@code dot = dot * factor}, as floats. */
    void scale(int dot, Mem factor) {
        asm.ymm(Op.VCVTDQ2PS, dot, dot);
        asm.ymm(Op.VBROADCASTSS, SPARE, factor);
        asm.ymm(Op.VMULPS, dot, dot, SPARE);
    }

    void store() {
        for (int row = 0; row < rows; row++) {
            for (int half = 0; half < 2; half++) {
                asm.ymm(Op.VMOVUPS_STORE, sum(row, half), Mem.at(OUTPUT, 32 * half));
            }
            asm.add(OUTPUT, OUTPUT_STRIDE);
        }
        asm.vzeroupper();
        asm.ret();
    }
}
