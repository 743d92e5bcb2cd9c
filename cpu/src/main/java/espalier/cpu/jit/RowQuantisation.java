package espalier.cpu.jit;

/** Emits the conversion of a row of floats to what {@link RowEmitter} says of x: once over it for its greatest magnitude. */
record RowQuantisation(Asm asm, int step) {
    private static final int FLOATS = Asm.RDI;
    private static final int CONVERTED = Asm.RSI;
    private static final int STEPS = Asm.RDX;
    private static final int AGAIN = Asm.R8;
    private static final int LEFT = Asm.R9;

    private static final int GREATEST = 0;
    private static final int FACTOR = 1;
    private static final int SUM = 2;
    private static final int VALUE = 4;
    private static final int MAGNITUDE = 31;
    private static final int ZERO = 27;

    void emit() {
        var lanes = new LaneSums(asm, 3);
        asm.mov(AGAIN, FLOATS);
        asm.mov(LEFT, STEPS);
        GroupEmitter.repeat(asm, MAGNITUDE, 0x7FFFFFFF);
        asm.zmm(Op.VPXORD, GREATEST, GREATEST, GREATEST);
        asm.zmm(Op.VPXORD, SUM, SUM, SUM);
        asm.zmm(Op.VPXORD, ZERO, ZERO, ZERO);
        eachStep(FLOATS, STEPS, i -> {
            asm.zmm(Op.VPANDD, VALUE, MAGNITUDE, Mem.at(FLOATS, 64 * i));
            asm.zmm(Op.VMAXPS, GREATEST, GREATEST, VALUE);
        });
        lanes.combine(Op.VMAXPS, GREATEST);
        factor();
        eachStep(AGAIN, LEFT, i -> {
            asm.zmm(Op.VMULPS, VALUE, FACTOR, Mem.at(AGAIN, 64 * i));
            asm.zmm(Op.VCVTPS2DQ, VALUE, VALUE);
            asm.zmm(Op.VPMOVSDB_STORE, VALUE, Mem.at(CONVERTED, 16 * i));
            asm.zmm(Op.VPADDD, SUM, SUM, VALUE);
            if (i == step / 16 - 1) {
                asm.add(CONVERTED, new Asm.Constant(step));
            }
        });
        lanes.combine(Op.VPADDD, SUM);
        asm.zmm(Op.VPSLLD, SUM, 0, SUM, new Asm.Constant(7));
        asm.zmm(Op.VPSUBD, SUM, ZERO, SUM);
        asm.xmm(Op.VMOVD_STORE, GREATEST, Mem.at(CONVERTED, 0));
        asm.xmm(Op.VMOVD_STORE, SUM, Mem.at(CONVERTED, 4));
        asm.vzeroupper();
        asm.ret();
    }

    /** What to multiply by, and the scale in place of the greatest magnitude. */
    private void factor() {
        GroupEmitter.repeat(asm, VALUE, Float.floatToRawIntBits(1e-30f)); // zeros must not divide by zero
        asm.zmm(Op.VMAXPS, VALUE, VALUE, GREATEST);
        GroupEmitter.repeat(asm, FACTOR, Float.floatToRawIntBits(127f));
        asm.zmm(Op.VDIVPS, FACTOR, FACTOR, VALUE);
        GroupEmitter.repeat(asm, VALUE, Float.floatToRawIntBits(1 / 127f));
        asm.zmm(Op.VMULPS, GREATEST, GREATEST, VALUE);
    }

    private void eachStep(int pointer, int counter, java.util.function.IntConsumer sixteen) {
        int loop = asm.position();
        for (int i = 0; i < step / 16; i++) {
            sixteen.accept(i);
        }
        asm.add(pointer, new Asm.Constant(4 * step));
        asm.sub(counter, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
    }
}
