package espalier.cpu.jit;

/** Emits the conversion of a row of floats to what {@link Grouping} says of x, step by step. */
record Quantisation(Asm asm, Grouping grouping) {
    private static final int FLOATS = Asm.RDI;
    private static final int CONVERTED = Asm.RSI;
    private static final int STEPS = Asm.RDX;

    private static final int SHUFFLED = 3;
    private static final int SCALE = 4;
    private static final int MAGNITUDE = 31;
    private static final int MOST = 30;
    private static final int PER_MOST = 29;
    private static final int TINY = 28;
    private static final int ZERO = 27;

    void emit() {
        constants();
        int loop = asm.position();
        for (int i = 0; i < 2; i++) {
            asm.zmm(Op.VMOVUPS, i, Mem.at(FLOATS, 64 * i));
            asm.zmm(Op.VPANDD, 5 + i, MAGNITUDE, i);
        }
        asm.zmm(Op.VMAXPS, 2, 5, 6);
        new LaneSums(asm, SHUFFLED).combine(Op.VMAXPS, 2);
        asm.zmm(Op.VMULPS, SCALE, 2, PER_MOST);
        store(SCALE, grouping.inputScaleAt());
        asm.zmm(Op.VMAXPS, 2, 2, TINY);
        asm.zmm(Op.VDIVPS, 2, MOST, 2); // what to multiply by
        for (int i = 0; i < 2; i++) {
            asm.zmm(Op.VMULPS, i, i, 2);
            asm.zmm(Op.VCVTPS2DQ, i, i);
            asm.zmm(Op.VPMOVSDB_STORE, i, Mem.at(CONVERTED, 16 * i));
        }
        sums();
        asm.add(FLOATS, new Asm.Constant(4 * Grouping.STEP));
        asm.add(CONVERTED, new Asm.Constant(grouping.inputStepBytes()));
        asm.sub(STEPS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }

    private void constants() {
        GroupEmitter.repeat(asm, MAGNITUDE, 0x7FFFFFFF);
        GroupEmitter.repeat(asm, MOST, Float.floatToRawIntBits(127f));
        GroupEmitter.repeat(asm, PER_MOST, Float.floatToRawIntBits(1 / 127f));
        GroupEmitter.repeat(asm, TINY, Float.floatToRawIntBits(1e-30f)); // zeros must not divide by zero
        asm.zmm(Op.VPXORD, ZERO, ZERO, ZERO);
    }

    /** The two registers of numbers are a group of 16 each, or one of 32 together. */
    private void sums() {
        if (grouping.groupsPerStep() == 1) {
            asm.zmm(Op.VPADDD, 0, 0, 1);
        }
        for (int i = 0; i < grouping.groupsPerStep(); i++) {
            new LaneSums(asm, SHUFFLED).combine(Op.VPADDD, i);
            switch (grouping.zero()) {
                case OFFSET, SIGNED -> {
                    asm.zmm(Op.VPSLLD, i, 0, i, new Asm.Constant(grouping.bits().offsetBits()));
                    asm.zmm(Op.VPSUBD, i, ZERO, i);
                }
                case MINIMUM -> {
                    asm.zmm(Op.VCVTDQ2PS, i, i);
                    asm.zmm(Op.VMULPS, i, i, SCALE);
                }
            }
            store(i, grouping.inputSumAt(i));
        }
    }

    private void store(int vector, int offset) {
        asm.xmm(Op.VMOVD_STORE, vector, Mem.at(CONVERTED, offset));
    }
}
