package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/** What {@link RowEmitter} does, for AVX2: the same numbers, with signed bytes, so that no sum of x is needed. */
record NarrowRowEmitter() implements PanelKernels.Emitter {
    private static final int STEP = 32;
    private static final int LINE_BYTES = 32;
    private static final int SCALES = 12;

    // Of the conversion.
    private static final int FLOATS = Asm.RDI;
    private static final int CONVERTED = Asm.RSI;
    private static final int STEPS = Asm.RDX;
    private static final int AGAIN = Asm.R8;
    private static final int LEFT = Asm.R9;
    private static final int GREATEST = 4;
    private static final int FACTOR = 5;
    private static final int SPARE = 7;
    private static final int MAGNITUDE = 15;

    @Override
    public Form form() {
        int panelStep = NarrowLoop.COLUMNS * STEP;
        int scales = 4 * NarrowLoop.COLUMNS;
        return new Form(NarrowLoop.COLUMNS, STEP, STEP, panelStep, 4, scales, NarrowLoop.MOST_ROWS, 2, Form.Edge.WHOLE);
    }

    @Override
    public void product(Asm asm, int rows, @Nullable Fetching fetching) {
        var loop = new NarrowLoop(asm, form(), rows);
        loop.begin();
        loop.repeat(fetching, () -> {
            for (int line = 0; line < STEP / 4; line++) {
                for (int half = 0; half < 2; half++) {
                    loop.loadSigned(LINE_BYTES * (2 * line + half));
                    for (int row = 0; row < rows; row++) {
                        loop.dot(NarrowLoop.sum(row, half), NarrowLoop.input(row, 4 * line), true);
                    }
                }
            }
        });
        for (int half = 0; half < 2; half++) {
            asm.ymm(Op.VMOVUPS, SCALES, Mem.at(NarrowLoop.WEIGHTS, LINE_BYTES * half));
            for (int row = 0; row < rows; row++) {
                int sum = NarrowLoop.sum(row, half);
                loop.scale(sum, NarrowLoop.input(row, 0));
                asm.ymm(Op.VMULPS, sum, sum, SCALES);
            }
        }
        loop.store();
    }

    @Override
    public void conversion(Asm asm) {
        asm.mov(AGAIN, FLOATS);
        asm.mov(LEFT, STEPS);
        NarrowLoop.repeat(asm, MAGNITUDE, 0x7FFFFFFF);
        asm.ymm(Op.VPXORD, GREATEST, GREATEST, GREATEST);
        int first = asm.position();
        for (int i = 0; i < STEP / 8; i++) {
            asm.ymm(Op.VPANDD, SPARE, MAGNITUDE, Mem.at(FLOATS, 32 * i));
            asm.ymm(Op.VMAXPS, GREATEST, GREATEST, SPARE);
        }
        asm.add(FLOATS, new Asm.Constant(4 * STEP));
        asm.sub(STEPS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, first);
        factor(asm);
        int second = asm.position();
        round(asm);
        asm.add(AGAIN, new Asm.Constant(4 * STEP));
        asm.add(CONVERTED, new Asm.Constant(STEP));
        asm.sub(LEFT, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, second);
        asm.narrowest(Op.VMOVD_STORE, GREATEST, Mem.at(CONVERTED, 0));
        asm.vzeroupper();
        asm.ret();
    }

    /** What to multiply by, and the scale in place of the greatest magnitude. */
    private static void factor(Asm asm) {
        for (int order : new int[] {0x4E, 0xB1}) {
            asm.ymm(Op.VPSHUFD, SPARE, 0, GREATEST, new Asm.Constant(order));
            asm.ymm(Op.VMAXPS, GREATEST, GREATEST, SPARE);
        }
        asm.ymm(Op.VPERM2F128, SPARE, GREATEST, GREATEST, new Asm.Constant(0x01)); // swaps the halves
        asm.ymm(Op.VMAXPS, GREATEST, GREATEST, SPARE);
        NarrowLoop.repeat(asm, SPARE, Float.floatToRawIntBits(1e-30f)); // zeros must not divide by zero
        asm.ymm(Op.VMAXPS, SPARE, SPARE, GREATEST);
        NarrowLoop.repeat(asm, FACTOR, Float.floatToRawIntBits(127f));
        asm.ymm(Op.VDIVPS, FACTOR, FACTOR, SPARE);
        NarrowLoop.repeat(asm, SPARE, Float.floatToRawIntBits(1 / 127f));
        asm.ymm(Op.VMULPS, GREATEST, GREATEST, SPARE);
    }

    /** A step to bytes; see {@link NarrowQuantisation} for the order. */
    private static void round(Asm asm) {
        for (int i = 0; i < 4; i++) {
            asm.narrowest(Op.VMOVUPS, i, Mem.at(AGAIN, 16 * i));
            asm.ymm(Op.VINSERTF128, i, i, Mem.at(AGAIN, 64 + 16 * i), new Asm.Constant(1));
            asm.ymm(Op.VMULPS, i, i, FACTOR);
            asm.ymm(Op.VCVTPS2DQ, i, i);
        }
        asm.ymm(Op.VPACKSSDW, 0, 0, 1);
        asm.ymm(Op.VPACKSSDW, 2, 2, 3);
        asm.ymm(Op.VPACKSSWB, 0, 0, 2);
        asm.ymm(Op.VMOVDQU32_STORE, 0, Mem.at(CONVERTED, 0));
    }
}
