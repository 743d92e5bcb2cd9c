package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * Products of bf16 by VDPBF16PS. For every 32 of the sum a panel holds its columns 0 to 15 and then 16 to 31, as 16 lines
 * each of 16 columns by 2 weights. A row of x is plain bf16.
 *
 * <p>From 4 rows on the dot-product unit is the limit; one row waits for the latency of its sums, at some 70 GB/s of
 * weights a core.
 */
record Bf16Emitter() implements PanelKernels.Emitter {
    private static final int STEP = 32;
    private static final int HALF_BYTES = 64 * STEP / 2;
    /** Two registers of weights behind the sums. */
    private static final int WEIGHTS = 24;

    @Override
    public Form form() {
        return new Form(WideLoop.COLUMNS, STEP, 2 * STEP, 2 * HALF_BYTES, 12, 7);
    }

    @Override
    public void product(Asm asm, int rows, @Nullable Fetching fetching) {
        var loop = new WideLoop(asm, form(), rows);
        loop.begin();
        loop.repeat(fetching, () -> {
            for (int pair = 0; pair < STEP / 2; pair++) {
                step(asm, rows, pair);
            }
        });
        loop.store();
    }

    private static void step(Asm asm, int rows, int pair) {
        for (int half = 0; half < 2; half++) {
            asm.zmm(Op.VMOVDQU32, WEIGHTS + half, Mem.at(WideLoop.WEIGHTS, HALF_BYTES * half + 64 * pair));
        }
        for (int row = 0; row < rows; row++) {
            Mem x = WideLoop.input(row, 4 * pair).inAllLanes();
            for (int half = 0; half < 2; half++) {
                asm.zmm(Op.VDPBF16PS, WideLoop.sum(row, half), WEIGHTS + half, x);
            }
        }
    }

    /** Rounds to nearest even. */
    @Override
    public void conversion(Asm asm) {
        int loop = asm.position();
        asm.zmm(Op.VMOVUPS, 0, Mem.at(Asm.RDI, 64));
        asm.zmm(Op.VCVTNE2PS2BF16, 0, 0, Mem.at(Asm.RDI, 0)); // the first source becomes the upper half
        asm.zmm(Op.VMOVDQU32_STORE, 0, Mem.at(Asm.RSI, 0));
        asm.add(Asm.RDI, new Asm.Constant(4 * STEP));
        asm.add(Asm.RSI, new Asm.Constant(2 * STEP));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }
}
