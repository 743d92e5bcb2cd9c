package espalier.cpu.jit;

/**
 * Emits what {@link Quantisation} does, to the same bits, for AVX2. A register takes four of the first 16 floats in its low
 * half and the four 16 further on in its high half: packing, which works within halves, then keeps the order.
 */
record NarrowQuantisation(Asm asm, Grouping grouping) {
    private static final int FLOATS = Asm.RDI;
    private static final int CONVERTED = Asm.RSI;
    private static final int STEPS = Asm.RDX;

    private static final int PARTS = 4;
    // Registers 0 to 3 hold the floats; 4 to 7 are for what is computed of them.
    private static final int GREATEST = 4;
    private static final int SCALE = 5;
    private static final int SUM = 6;
    private static final int SPARE = 7;
    private static final int MAGNITUDE = 15;
    private static final int MOST = 14;
    private static final int PER_MOST = 13;
    private static final int TINY = 12;
    private static final int ZERO = 11;

    void emit() {
        NarrowLoop.repeat(asm, MAGNITUDE, 0x7FFFFFFF);
        NarrowLoop.repeat(asm, MOST, Float.floatToRawIntBits(127f));
        NarrowLoop.repeat(asm, PER_MOST, Float.floatToRawIntBits(1 / 127f));
        NarrowLoop.repeat(asm, TINY, Float.floatToRawIntBits(1e-30f)); // zeros must not divide by zero
        asm.ymm(Op.VPXORD, ZERO, ZERO, ZERO);
        int loop = asm.position();
        load();
        combineInHalves(Op.VMAXPS, GREATEST);
        combineHalves(Op.VMAXPS, GREATEST);
        asm.ymm(Op.VMULPS, SCALE, GREATEST, PER_MOST);
        store(SCALE, grouping.inputScaleAt());
        asm.ymm(Op.VMAXPS, GREATEST, GREATEST, TINY);
        asm.ymm(Op.VDIVPS, GREATEST, MOST, GREATEST); // what to multiply by
        round();
        sums();
        asm.add(FLOATS, new Asm.Constant(4 * Grouping.STEP));
        asm.add(CONVERTED, new Asm.Constant(grouping.inputStepBytes()));
        asm.sub(STEPS, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }

    private void load() {
        for (int i = 0; i < PARTS; i++) {
            asm.narrowest(Op.VMOVUPS, i, Mem.at(FLOATS, 16 * i));
            asm.ymm(Op.VINSERTF128, i, i, Mem.at(FLOATS, 64 + 16 * i), new Asm.Constant(1));
            if (i == 0) {
                asm.ymm(Op.VPANDD, GREATEST, MAGNITUDE, i);
            } else {
                asm.ymm(Op.VPANDD, SPARE, MAGNITUDE, i);
                asm.ymm(Op.VMAXPS, GREATEST, GREATEST, SPARE);
            }
        }
    }

    /** To whole numbers, whose sums of each half are kept, and to bytes. */
    private void round() {
        asm.ymm(Op.VPXORD, SUM, SUM, SUM);
        for (int i = 0; i < PARTS; i++) {
            asm.ymm(Op.VMULPS, i, i, GREATEST);
            asm.ymm(Op.VCVTPS2DQ, i, i);
            asm.ymm(Op.VPADDD, SUM, SUM, i);
        }
        asm.ymm(Op.VPACKSSDW, 0, 0, 1);
        asm.ymm(Op.VPACKSSDW, 2, 2, 3);
        asm.ymm(Op.VPACKSSWB, 0, 0, 2);
        asm.ymm(Op.VMOVDQU32_STORE, 0, Mem.at(CONVERTED, 0));
    }

    private void sums() {
        combineInHalves(Op.VPADDD, SUM);
        if (grouping.groupsPerStep() == 1) {
            combineHalves(Op.VPADDD, SUM);
        }
        switch (grouping.zero()) {
            case OFFSET, SIGNED -> {
                asm.ymm(Op.VPSLLD, SUM, 0, SUM, new Asm.Constant(grouping.bits().offsetBits()));
                asm.ymm(Op.VPSUBD, SUM, ZERO, SUM);
            }
            case MINIMUM -> {
                asm.ymm(Op.VCVTDQ2PS, SUM, SUM);
                asm.ymm(Op.VMULPS, SUM, SUM, SCALE);
            }
        }
        store(SUM, grouping.inputSumAt(0));
        if (grouping.groupsPerStep() == 2) {
            asm.ymm(Op.VPERM2F128, SUM, SUM, SUM, new Asm.Constant(0x01)); // swaps the halves
            store(SUM, grouping.inputSumAt(1));
        }
    }

    private void store(int vector, int offset) {
        asm.narrowest(Op.VMOVD_STORE, vector, Mem.at(CONVERTED, offset));
    }

    private void combineInHalves(Op op, int register) {
        for (int order : new int[] {0x4E, 0xB1}) {
            asm.ymm(Op.VPSHUFD, SPARE, 0, register, new Asm.Constant(order));
            asm.ymm(op, register, register, SPARE);
        }
    }

    private void combineHalves(Op op, int register) {
        asm.ymm(Op.VPERM2F128, SPARE, register, register, new Asm.Constant(0x01));
        asm.ymm(op, register, register, SPARE);
    }
}
