package espalier.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Emits the expansion of packed numbers to the bf16 tiles of {@link AmxKernels}: number times scale (plus minimum) in
 * f32, rounded to nearest even. Numbers lie in the order of {@link Grouping.Order#PAIRS}, so that a vector of floats is
 * two consecutive elements of eight columns, and two such vectors round to one line of a tile.
 */
record Expansion(Grouping grouping) {
    /** Constants in memory, a vector each: which scale each float takes, in both vectors of a line; nibbles' meanings. */
    static final int TABLE_BYTES = 3 * 64;

    private static final int HALF_COLUMNS = WideLoop.COLUMNS / 2;
    /** Lines of a tile. */
    private static final int PAIRS = Grouping.STEP / 2;
    /** Nibbles in 32 bits. */
    private static final int NIBBLES = 8;

    private static final int SIDES = 2;
    private static final int VALUE = 0; // of one side; then of the other
    private static final int RAW = 16;
    private static final int MEANINGS = 21;
    private static final int CHOICE = 22;
    private static final int SCALE = 24;
    private static final int MINIMUM = 26;
    private static final int UNSPREAD = 28;

    Expansion {
        if (grouping.order() != Grouping.Order.PAIRS) {
            throw new IllegalArgumentException("pairs are expanded, not " + grouping);
        }
    }

    int stepBytes() {
        return grouping.panelStepBytes(WideLoop.COLUMNS);
    }

    void fill(MemorySegment tables) {
        for (int i = 0; i < 16; i++) {
            tables.setAtIndex(ValueLayout.JAVA_INT, i, i / 2);
            tables.setAtIndex(ValueLayout.JAVA_INT, 16 + i, 8 + i / 2);
            int zero = grouping.zero() == Grouping.Zero.OFFSET ? grouping.bits().offset() : 0;
            tables.setAtIndex(ValueLayout.JAVA_FLOAT, 32 + i, i - zero);
        }
    }

    /** Loads the constants, which then stay in their registers. */
    void begin(Asm asm, int tables) {
        asm.zmm(Op.VMOVDQU32, CHOICE, Mem.at(tables, 0));
        asm.zmm(Op.VMOVDQU32, CHOICE + 1, Mem.at(tables, 64));
        asm.zmm(Op.VMOVDQU32, MEANINGS, Mem.at(tables, 128));
    }

    /**
     * Half of a panel's columns for a step.
     *
     * @param from register that points at the step
     * @param to register that points at the first half's tile
     */
    record Half(int from, int to, int half) {}

    /** @param ahead how far ahead to fetch this half's share of a step into the second level, 0 for not at all */
    void half(Asm asm, Half h, int ahead) {
        int from = h.from;
        int half = h.half;
        for (int group = 0; group < grouping.groupsPerStep(); group++) {
            int bytes = grouping.scaleBytes(WideLoop.COLUMNS);
            int at = group * bytes + half * bytes / 2;
            spread(asm, Mem.at(from, at), SCALE);
            if (grouping.zero() == Grouping.Zero.MINIMUM) {
                spread(asm, Mem.at(from, grouping.minimaAt(WideLoop.COLUMNS) + at), MINIMUM);
            }
            int pairs = grouping.group() / 2;
            for (int pair = group * pairs; pair < (group + 1) * pairs; pair++) {
                int line = half * PAIRS + pair;
                line(asm, from, half, pair);
                asm.zmm(Op.VMOVDQU32_STORE, VALUE, Mem.at(h.to, 64 * line));
                fetch(asm, from, line, ahead);
            }
        }
    }

    /** A step's lines are spread over the lines of its tiles, since only some can be on their way at a time. */
    private void fetch(Asm asm, int from, int line, int ahead) {
        int lines = Math.ceilDiv(stepBytes(), 64);
        for (int i = line * lines / (2 * PAIRS); ahead > 0 && i < (line + 1) * lines / (2 * PAIRS); i++) {
            asm.prefetchT1(Mem.at(from, ahead + 64 * i));
        }
    }

    /** One number a column becomes two vectors. */
    private void spread(Asm asm, Mem numbers, int to) {
        switch (grouping.scales()) {
            case F16 -> asm.zmm(Op.VCVTPH2PS, UNSPREAD, numbers);
            case F32 -> asm.zmm(Op.VMOVUPS, UNSPREAD, numbers);
        }
        for (int side = 0; side < SIDES; side++) {
            asm.zmm(Op.VPERMD, to + side, CHOICE + side, UNSPREAD);
        }
    }

    private void line(Asm asm, int from, int half, int pair) {
        int at = grouping.numbersAt(WideLoop.COLUMNS)
                + half * HALF_COLUMNS * grouping.bits().stepBytes();
        for (int side = 0; side < SIDES; side++) {
            int value = VALUE + side;
            switch (grouping.bits()) {
                case BYTE -> {
                    asm.zmm(Op.VPMOVSXBD, value, Mem.at(from, at + HALF_COLUMNS * (2 * pair + side)));
                    asm.zmm(Op.VCVTDQ2PS, value, value);
                }
                case NIBBLE -> nibbles(asm, Mem.at(from, at + 64 * (pair / NIBBLES * SIDES + side)), side, pair);
            }
            if (grouping.zero() == Grouping.Zero.MINIMUM) {
                asm.zmm(Op.VFMADD213PS, value, SCALE + side, MINIMUM + side);
            } else {
                asm.zmm(Op.VMULPS, value, value, SCALE + side);
            }
        }
        asm.zmm(Op.VCVTNE2PS2BF16, VALUE, VALUE + 1, VALUE); // the first source becomes the upper half
    }

    /** The lookup sees the lowest four bits alone. */
    private static void nibbles(Asm asm, Mem eight, int side, int pair) {
        int shift = 4 * (pair % NIBBLES);
        int index = RAW + side;
        if (shift == 0) {
            asm.zmm(Op.VMOVDQU32, index, eight);
        } else {
            asm.zmm(Op.VPSRLD, VALUE + side, 0, index, new Asm.Constant(shift));
            index = VALUE + side;
        }
        asm.zmm(Op.VPERMD, VALUE + side, index, MEANINGS);
    }
}
