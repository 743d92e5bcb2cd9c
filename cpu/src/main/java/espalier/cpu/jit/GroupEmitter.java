package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * Products of {@link Grouping}s by VPDPBUSD.
 *
 * <p>For each row, 16 columns and group of 32, eight dot products share their ports with a multiplication (x's scale) and
 * a multiply-add (the weights'): 8/10 of the dot products' peak is the limit, 8/11 where conversions take the same ports.
 * A step of 16 columns stays in eight registers while all rows pass, so nibbles are unpacked once for all rows.
 */
record GroupEmitter(Grouping grouping) implements PanelKernels.Emitter {
    /** Rows whose dot products are interleaved, to hide the latency of one. */
    private static final int TOGETHER = 4;
    /** Lines of 16 columns by 4 numbers in a step. */
    private static final int LINES = Grouping.STEP / 4;

    // Vector registers behind the sums.
    private static final int NUMBERS = 16;
    private static final int DOTS = 24;
    private static final int MINIMA = 29;
    private static final int SCALES = 30;
    private static final int LOW_HALVES = 31;

    @Override
    public Form form() {
        boolean bytes = grouping.bits() == Grouping.Bits.BYTE;
        return new Form(
                WideLoop.COLUMNS,
                Grouping.STEP,
                grouping.inputStepBytes(),
                grouping.panelStepBytes(WideLoop.COLUMNS),
                8,
                bytes ? 5 : 2);
    }

    @Override
    public void product(Asm asm, int rows, @Nullable Fetching fetching) {
        if (grouping.bits() == Grouping.Bits.NIBBLE) {
            repeat(asm, LOW_HALVES, 0x0F0F0F0F);
        }
        var loop = new WideLoop(asm, form(), rows);
        loop.begin();
        loop.repeat(fetching, () -> {
            for (int half = 0; half < 2; half++) {
                loadNumbers(asm, half);
                for (int group = 0; group < grouping.groupsPerStep(); group++) {
                    loadScales(asm, WideLoop.WEIGHTS, half, group);
                    for (int first = 0; first < rows; first += TOGETHER) {
                        dots(asm, half, group, first, Math.min(rows, first + TOGETHER));
                    }
                }
            }
        });
        loop.store();
    }

    static void repeat(Asm asm, int vector, int bits) {
        asm.constant(Asm.RAX, bits);
        asm.zmm(Op.VPBROADCASTD_GENERAL, vector, Asm.RAX);
    }

    private void loadNumbers(Asm asm, int half) {
        boolean bytes = grouping.bits() == Grouping.Bits.BYTE;
        int lines = bytes ? LINES : LINES / 2;
        int at = grouping.numbersAt(WideLoop.COLUMNS) + 64 * half * lines;
        for (int i = 0; i < lines; i++) {
            int low = NUMBERS + i;
            asm.zmm(Op.VMOVDQU32, low, Mem.at(WideLoop.WEIGHTS, at + 64 * i));
            if (!bytes) {
                int high = low + lines;
                asm.zmm(Op.VPSRLD, high, 0, low, new Asm.Constant(4));
                asm.zmm(Op.VPANDD, low, low, LOW_HALVES);
                asm.zmm(Op.VPANDD, high, high, LOW_HALVES);
            }
        }
    }

    void loadScales(Asm asm, int weights, int half, int group) {
        int bytes = grouping.scaleBytes(WideLoop.COLUMNS);
        int at = group * bytes + half * bytes / 2;
        Op load = grouping.scales() == Grouping.Scales.F16 ? Op.VCVTPH2PS : Op.VMOVUPS;
        asm.zmm(load, SCALES, Mem.at(weights, at));
        if (grouping.zero() == Grouping.Zero.MINIMUM) {
            asm.zmm(load, MINIMA, Mem.at(weights, grouping.minimaAt(WideLoop.COLUMNS) + at));
        }
    }

    private void dots(Asm asm, int half, int group, int first, int end) {
        boolean minimum = grouping.zero() == Grouping.Zero.MINIMUM;
        int sumAt = grouping.inputSumAt(group);
        for (int row = first; row < end; row++) {
            int dot = DOTS + row - first;
            if (minimum) {
                asm.zmm(Op.VPXORD, dot, dot, dot);
            } else {
                asm.zmm(Op.VPBROADCASTD, dot, WideLoop.input(row, sumAt));
            }
        }
        int lines = grouping.group() / 4;
        for (int i = group * lines; i < (group + 1) * lines; i++) {
            for (int row = first; row < end; row++) {
                Mem x = WideLoop.input(row, 4 * i).inAllLanes();
                asm.zmm(Op.VPDPBUSD, DOTS + row - first, NUMBERS + i, x);
            }
        }
        for (int row = first; row < end; row++) {
            int dot = DOTS + row - first;
            int sum = WideLoop.sum(row, half);
            asm.zmm(Op.VCVTDQ2PS, dot, dot);
            asm.zmm(
                    Op.VMULPS,
                    dot,
                    dot,
                    WideLoop.input(row, grouping.inputScaleAt()).inAllLanes());
            asm.zmm(Op.VFMADD231PS, sum, SCALES, dot);
            if (minimum) {
                asm.zmm(Op.VFMADD231PS, sum, MINIMA, WideLoop.input(row, sumAt).inAllLanes());
            }
        }
    }

    @Override
    public void conversion(Asm asm) {
        new Quantisation(asm, grouping).emit();
    }
}
