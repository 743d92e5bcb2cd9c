package espalier.cpu.jit;

/**
 * Emits the copy of stored blocks to all columns of a panel's half, whose numbers are in {@link Grouping.Order#PAIRS}, by
 * AVX-512: {@code (from, bytes of a row, scales, numbers, -, steps)}. The numbers of a step are a small matrix that is
 * transposed in registers: 16 columns by 16 pairs of bytes, or by four times eight nibbles.
 */
record HalfCopy(Asm asm, Grouping grouping) {
    /** Columns of a half. */
    static final int COLUMNS = AmxKernels.PANEL / 2;

    private static final int ROW = Asm.R10;
    /** How far ahead in its row a block is fetched. */
    private static final int AHEAD = 512;

    private static final int SCALE_BYTES = 2;
    /** Bytes of two numbers of all columns. */
    private static final int PAIRS_BYTES = 2 * COLUMNS;
    /** Bytes of eight nibbles of all columns. */
    private static final int EIGHTS_BYTES = 4 * COLUMNS;

    /** Registers of constants, which nibbles want. */
    private static final int LOW_NIBBLES = 28;

    private static final int WEIGHTS = 29;
    private static final int EVEN_FIRST = 30;

    /** Whether panels are such, and hold what formats store but in another order. */
    static boolean suits(Grouping g, int columns) {
        boolean alike =
                g.order() == Grouping.Order.PAIRS && g.scales() == Grouping.Scales.F16 && g.groupsPerStep() == 1;
        boolean flipped = g.bits() == Grouping.Bits.BYTE && g.zero() == Grouping.Zero.OFFSET;
        return alike && !flipped && columns == AmxKernels.PANEL;
    }

    void emit() {
        if (grouping.bits() == Grouping.Bits.NIBBLE) {
            loadConstants();
        }
        int step = asm.position();
        asm.mov(ROW, Asm.RDI);
        int numbersAt = SCALE_BYTES;
        for (int column = 0; column < COLUMNS; column++) {
            numbersAt = copyScales(column);
            load(column, Mem.at(ROW, numbersAt));
            asm.add(ROW, Asm.RSI);
        }
        switch (grouping.bits()) {
            case BYTE -> transposeWords();
            case NIBBLE -> transposeEights();
        }
        int panelStep = grouping.panelStepBytes(AmxKernels.PANEL);
        asm.add(Asm.RDI, new Asm.Constant(numbersAt + grouping.bits().stepBytes()));
        asm.add(Asm.RDX, new Asm.Constant(panelStep));
        asm.add(Asm.RCX, new Asm.Constant(panelStep));
        asm.sub(Asm.R9, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, step);
        asm.vzeroupper();
        asm.ret();
    }

    /** Returns where in its block a column's numbers are. */
    private int copyScales(int column) {
        asm.prefetchT0(Mem.at(ROW, AHEAD));
        asm.load16(Asm.RAX, Mem.at(ROW, 0));
        asm.store16(Mem.at(Asm.RDX, SCALE_BYTES * column), Asm.RAX);
        if (grouping.zero() != Grouping.Zero.MINIMUM) {
            return SCALE_BYTES;
        }
        asm.load16(Asm.RAX, Mem.at(ROW, SCALE_BYTES));
        asm.store16(Mem.at(Asm.RDX, grouping.minimaAt(AmxKernels.PANEL) + SCALE_BYTES * column), Asm.RAX);
        return 2 * SCALE_BYTES;
    }

    /** Bytes of a column have a register; nibbles of four columns share one, the first four are in four registers. */
    private void load(int column, Mem numbers) {
        switch (grouping.bits()) {
            case BYTE -> asm.ymm32(Op.VMOVDQU32, column, numbers);
            case NIBBLE -> {
                int register = column % 4;
                if (column < 4) {
                    asm.xmm(Op.VMOVDQU32, register, numbers);
                } else {
                    asm.zmm(Op.VINSERTI32X4, register, register, numbers, new Asm.Constant(column / 4));
                }
            }
        }
    }

    /**
     * Each half of a register holds eight words of a column: squares of eight by eight are transposed within the halves, by
     * interleaving words, pairs and fours of them, and then the halves of two times eight columns are joined.
     */
    private void transposeWords() {
        int other = COLUMNS;
        for (int two = 0; two < COLUMNS; two += 2) {
            asm.ymm32(Op.VPUNPCKLWD, other + two, two, two + 1);
            asm.ymm32(Op.VPUNPCKHWD, other + two + 1, two, two + 1);
        }
        for (int four = 0; four < COLUMNS; four += 4) {
            for (int high = 0; high < 2; high++) {
                int from = other + four + high;
                asm.ymm32(Op.VPUNPCKLDQ, four + 2 * high, from, from + 2);
                asm.ymm32(Op.VPUNPCKHDQ, four + 2 * high + 1, from, from + 2);
            }
        }
        for (int eight = 0; eight < COLUMNS; eight += 8) {
            for (int i = 0; i < 4; i++) {
                int from = eight + i;
                asm.ymm32(Op.VPUNPCKLQDQ, other + eight + 2 * i, from, from + 4);
                asm.ymm32(Op.VPUNPCKHQDQ, other + eight + 2 * i + 1, from, from + 4);
            }
        }
        for (int line = 0; line < COLUMNS; line++) {
            int from = other + line % 8;
            asm.ymm32(Op.VSHUFF32X4, 0, from, from + 8, new Asm.Constant(line < 8 ? 0 : 3));
            asm.ymm32(Op.VMOVDQU32_STORE, 0, Mem.at(Asm.RCX, PAIRS_BYTES * line));
        }
    }

    /** In each quarter of a register: bytes 0, 2, 4, 6 before 1, 3, 5, 7, then the other eight alike. */
    private void loadConstants() {
        int[] order = {0x06040200, 0x07050301, 0x0E0C0A08, 0x0F0D0B09};
        for (int i = 0; i < order.length; i++) {
            broadcast(i, order[i]);
        }
        asm.zmm(Op.VPUNPCKLDQ, 4, 0, 1);
        asm.zmm(Op.VPUNPCKLDQ, 5, 2, 3);
        asm.zmm(Op.VPUNPCKLQDQ, EVEN_FIRST, 4, 5);
        broadcast(LOW_NIBBLES, 0x0F0F0F0F);
        broadcast(WEIGHTS, 0x10011001); // 1 and 16
    }

    private void broadcast(int register, int number) {
        asm.constant(Asm.RAX, number);
        asm.zmm(Op.VPBROADCASTD_GENERAL, register, Asm.RAX);
    }

    /**
     * A block's 16 bytes hold its first 16 numbers in their low halves and the others in their high ones. The even and the
     * odd ones of each eight become the two halves of 32 bits, so that a quarter of a register has the four eights of a
     * column; squares of four by four are transposed then.
     */
    private void transposeEights() {
        for (int i = 0; i < 4; i++) {
            int low = 8 + i;
            int high = 12 + i;
            asm.zmm(Op.VPANDD, low, LOW_NIBBLES, i);
            asm.zmm(Op.VPSRLW, high, 0, i, new Asm.Constant(4));
            asm.zmm(Op.VPANDD, high, LOW_NIBBLES, high);
            asm.zmm(Op.VPSHUFB, low, low, EVEN_FIRST);
            asm.zmm(Op.VPSHUFB, high, high, EVEN_FIRST);
            asm.zmm(Op.VPMADDUBSW, low, low, WEIGHTS);
            asm.zmm(Op.VPMADDUBSW, high, high, WEIGHTS);
            asm.zmm(Op.VPACKUSWB, i, low, high);
        }
        for (int high = 0; high < 2; high++) {
            Op pairs = high == 0 ? Op.VPUNPCKLDQ : Op.VPUNPCKHDQ;
            asm.zmm(pairs, 4, 0, 1);
            asm.zmm(pairs, 5, 2, 3);
            asm.zmm(Op.VPUNPCKLQDQ, 6, 4, 5);
            asm.zmm(Op.VPUNPCKHQDQ, 7, 4, 5);
            asm.zmm(Op.VMOVDQU32_STORE, 6, Mem.at(Asm.RCX, EIGHTS_BYTES * 2 * high));
            asm.zmm(Op.VMOVDQU32_STORE, 7, Mem.at(Asm.RCX, EIGHTS_BYTES * (2 * high + 1)));
        }
    }
}
