package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/** Products of {@link Grouping}s by AVX2. Bytes without a minimum are stored signed, or pairs would not fit 16 bits. */
record NarrowGroupEmitter(Grouping grouping) implements PanelKernels.Emitter {
    private static final int LINES = Grouping.STEP / 4;
    private static final int LINE_BYTES = 32;

    // Vector registers behind the sums; scales take the numbers' places once these are done.
    private static final int DOTS = 8;
    private static final int SCALES = 12;
    private static final int MINIMA = 13;

    NarrowGroupEmitter {
        if (grouping.bits() == Grouping.Bits.BYTE && grouping.zero() == Grouping.Zero.OFFSET) {
            throw new IllegalArgumentException("bytes with an offset");
        }
    }

    @Override
    public Form form() {
        return new Form(
                NarrowLoop.COLUMNS,
                Grouping.STEP,
                grouping.inputStepBytes(),
                grouping.panelStepBytes(NarrowLoop.COLUMNS),
                0,
                0,
                NarrowLoop.MOST_ROWS,
                2,
                Form.Edge.WHOLE);
    }

    @Override
    public void product(Asm asm, int rows, @Nullable Fetching fetching) {
        var loop = new NarrowLoop(asm, form(), rows);
        loop.begin();
        loop.repeat(fetching, () -> {
            for (int half = 0; half < 2; half++) {
                for (int group = 0; group < grouping.groupsPerStep(); group++) {
                    dots(asm, loop, rows, half, group);
                    addScaled(asm, loop, rows, half, group);
                }
            }
        });
        loop.store();
    }

    private void dots(Asm asm, NarrowLoop loop, int rows, int half, int group) {
        for (int row = 0; row < rows; row++) {
            if (grouping.zero() == Grouping.Zero.OFFSET) {
                asm.ymm(Op.VPBROADCASTD, DOTS + row, NarrowLoop.input(row, grouping.inputSumAt(group)));
            } else {
                asm.ymm(Op.VPXORD, DOTS + row, DOTS + row, DOTS + row);
            }
        }
        if (grouping.bits() == Grouping.Bits.NIBBLE) {
            loop.prepareNibbles();
        }
        int lines = grouping.group() / 4;
        for (int i = group * lines; i < (group + 1) * lines; i++) {
            load(loop, half, i);
            for (int row = 0; row < rows; row++) {
                loop.dot(DOTS + row, NarrowLoop.input(row, 4 * i), grouping.zero() == Grouping.Zero.SIGNED);
            }
        }
    }

    private void load(NarrowLoop loop, int half, int line) {
        int numbers = grouping.numbersAt(NarrowLoop.COLUMNS);
        switch (grouping.bits()) {
            case NIBBLE -> {
                int each = LINES / 2;
                loop.loadNibbles(numbers + LINE_BYTES * (half * each + line % each), line >= each);
            }
            case BYTE -> {
                int at = numbers + LINE_BYTES * (half * LINES + line);
                if (grouping.zero() == Grouping.Zero.SIGNED) {
                    loop.loadSigned(at);
                } else {
                    loop.loadUnsigned(at);
                }
            }
        }
    }

    private void addScaled(Asm asm, NarrowLoop loop, int rows, int half, int group) {
        int bytes = grouping.scaleBytes(NarrowLoop.COLUMNS);
        int at = group * bytes + half * bytes / 2;
        boolean minimum = grouping.zero() == Grouping.Zero.MINIMUM;
        Op load = grouping.scales() == Grouping.Scales.F16 ? Op.VCVTPH2PS : Op.VMOVUPS;
        asm.ymm(load, SCALES, Mem.at(NarrowLoop.WEIGHTS, at));
        if (minimum) {
            asm.ymm(load, MINIMA, Mem.at(NarrowLoop.WEIGHTS, grouping.minimaAt(NarrowLoop.COLUMNS) + at));
        }
        for (int row = 0; row < rows; row++) {
            int sum = NarrowLoop.sum(row, half);
            loop.scale(DOTS + row, NarrowLoop.input(row, grouping.inputScaleAt()));
            asm.ymm(Op.VFMADD231PS, sum, SCALES, DOTS + row);
            if (minimum) {
                loop.addScaled(sum, MINIMA, NarrowLoop.input(row, grouping.inputSumAt(group)));
            }
        }
    }

    @Override
    public void conversion(Asm asm) {
        new NarrowQuantisation(asm, grouping).emit();
    }
}
