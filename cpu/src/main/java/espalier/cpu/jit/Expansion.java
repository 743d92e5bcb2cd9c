package espalier.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Emits the expansion of packed numbers to the bf16 tiles of {@link AmxKernels}: number times scale (plus minimum). Numbers
 * lie in the order of {@link Grouping.Order#PAIRS}, so that a vector of words is one line of a tile: two consecutive
 * elements of 16 columns.
 *
 * <p>The product is an f16, whose arithmetic handles 32 elements at a time where f32 handles 16, and whose 11 bits are
 * rounded to the 8 of bf16, to nearest and away from zero at half. An f16 shifted right by three has exponent and mantissa
 * where bf16 wants them, and its sign in four places, of which one is left: so that a multiplication of whole words, which
 * rounds, and a mask make a bf16 of it. What is missing is the difference of the exponents' biases: the bf16 is 2^-112 times
 * the f16. x is multiplied by what was divided by ({@link #INPUT_BIAS}), and since that is a power of two it changes no bit of
 * a sum; an x of 2^25 and more becomes infinite by it.
 *
 * <p>f16 has few exponents. So a matrix has a <em>shift</em>: its scales are multiplied by 2^shift, x by 2^-shift, such that
 * its greatest element is an f16, and the least that its formats can hold (2^-24, the least f16) is a normal one, with
 * all bits. Only where both cannot be, in matrices with elements of 64 and more, elements below 2^-29 times the greatest are
 * lost.
 */
record Expansion(Grouping grouping) {
    /** From numbers of f16 to bf16 of the same mantissa whose exponent counts from its own least one. */
    static final int INPUT_BIAS = 112;

    static final int LEAST_SHIFT = -14;
    static final int MOST_SHIFT = 10;
    private static final int GREATEST_HALF = 65504;

    private static final int HALF_COLUMNS = WideLoop.COLUMNS / 2;
    /** Lines of a tile. */
    private static final int PAIRS = Grouping.STEP / 2;
    /** Nibbles in a word. */
    private static final int NIBBLES = 4;

    private static final int VALUE = 0;
    private static final int INDEX = 1;
    private static final int RAW = 16;
    private static final int SCALE = 17;
    private static final int MINIMUM = 18;
    private static final int UNSPREAD = 19;
    /** Registers of constants, in the order in which memory has them. */
    private static final int FIRST = 24;

    private static final int MEANINGS = FIRST;
    /** Which scale each word takes: in the first half of the columns, and in the second. */
    private static final int CHOICE = FIRST + 1;

    private static final int FACTOR = FIRST + 3;
    private static final int WIDE_FACTOR = FIRST + 4;
    private static final int EIGHTH = FIRST + 5;
    private static final int KEPT = FIRST + 6;
    private static final int CONSTANTS = 7;
    private static final int LINE = 64;

    /** Constants in memory, a vector each, and behind them what x is multiplied by, once. */
    static final int TABLE_BYTES = (CONSTANTS + 1) * LINE;

    static final int INPUT_FACTOR_AT = CONSTANTS * LINE;

    Expansion {
        if (grouping.order() != Grouping.Order.PAIRS) {
            throw new IllegalArgumentException("pairs are expanded, not " + grouping);
        }
    }

    int stepBytes() {
        return grouping.panelStepBytes(WideLoop.COLUMNS);
    }

    /** The shift of a matrix with such magnitudes. */
    int shift(float greatestScale, float greatestMinimum) {
        int numbers = switch (grouping.bits()) {
            case BYTE -> 128;
            case NIBBLE -> 15;
        };
        float greatest = numbers * greatestScale + greatestMinimum;
        return Math.clamp(Math.getExponent(GREATEST_HALF / greatest), LEAST_SHIFT, MOST_SHIFT);
    }

    void fill(MemorySegment tables, int shift) {
        int zero = grouping.zero() == Grouping.Zero.OFFSET ? grouping.bits().offset() : 0;
        float factor = Math.scalb(1f, shift);
        for (int i = 0; i < 32; i++) {
            word(tables, MEANINGS, i, Float.floatToFloat16(i % 16 - zero));
            word(tables, CHOICE, i, i / 2);
            word(tables, CHOICE + 1, i, HALF_COLUMNS + i / 2);
            word(tables, FACTOR, i, Float.floatToFloat16(factor));
            word(tables, EIGHTH, i, 1 << 12); // of 2^15
            word(tables, KEPT, i, 0x8FFF);
        }
        for (int i = 0; i < 16; i++) {
            tables.set(ValueLayout.JAVA_FLOAT, (WIDE_FACTOR - FIRST) * LINE + 4L * i, factor);
        }
        tables.set(ValueLayout.JAVA_FLOAT, INPUT_FACTOR_AT, Math.scalb(1f, INPUT_BIAS - shift));
    }

    private static void word(MemorySegment tables, int constant, int i, int value) {
        tables.set(ValueLayout.JAVA_SHORT, (constant - FIRST) * LINE + 2L * i, (short) value);
    }

    /** Loads the constants, which then stay in their registers. */
    void begin(Asm asm, int tables) {
        for (int i = 0; i < CONSTANTS; i++) {
            asm.zmm(Op.VMOVDQU32, FIRST + i, Mem.at(tables, LINE * i));
        }
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
        for (int group = 0; group < grouping.groupsPerStep(); group++) {
            spread(asm, h, group * grouping.scaleBytes(WideLoop.COLUMNS), SCALE);
            if (grouping.zero() == Grouping.Zero.MINIMUM) {
                int minima = grouping.minimaAt(WideLoop.COLUMNS);
                spread(asm, h, minima + group * grouping.scaleBytes(WideLoop.COLUMNS), MINIMUM);
            }
            int pairs = grouping.group() / 2;
            for (int pair = group * pairs; pair < (group + 1) * pairs; pair++) {
                int line = h.half * PAIRS + pair;
                line(asm, h, pair);
                asm.zmm(Op.VMOVDQU32_STORE, VALUE, Mem.at(h.to, LINE * line));
                fetch(asm, h.from, line, ahead);
            }
        }
    }

    /** A step's lines are spread over the lines of its tiles, since only some can be on their way at a time. */
    private void fetch(Asm asm, int from, int line, int ahead) {
        int lines = Math.ceilDiv(stepBytes(), LINE);
        for (int i = line * lines / (2 * PAIRS); ahead > 0 && i < (line + 1) * lines / (2 * PAIRS); i++) {
            asm.prefetchT1(Mem.at(from, ahead + LINE * i));
        }
    }

    /** One number a column becomes two words. */
    private void spread(Asm asm, Half h, int at, int to) {
        switch (grouping.scales()) {
            case F16 -> {
                asm.zmm(Op.VPERMW, to, CHOICE + h.half, Mem.at(h.from, at));
                asm.zmm(Op.VMULPH, to, to, FACTOR);
            }
            case F32 -> {
                asm.zmm(Op.VMULPS, UNSPREAD, WIDE_FACTOR, Mem.at(h.from, at + LINE * h.half));
                asm.zmm(Op.VCVTPS2PHX, UNSPREAD, UNSPREAD);
                asm.zmm(Op.VPERMW, to, CHOICE, UNSPREAD);
            }
        }
    }

    private void line(Asm asm, Half h, int pair) {
        int at = grouping.numbersAt(WideLoop.COLUMNS)
                + h.half * HALF_COLUMNS * grouping.bits().stepBytes();
        switch (grouping.bits()) {
            case BYTE -> {
                asm.zmm(Op.VPMOVSXBW, VALUE, Mem.at(h.from, at + 2 * HALF_COLUMNS * pair));
                asm.zmm(Op.VCVTW2PH, VALUE, VALUE);
            }
            case NIBBLE -> nibbles(asm, Mem.at(h.from, at + LINE * (pair / NIBBLES)), pair % NIBBLES);
        }
        if (grouping.zero() == Grouping.Zero.MINIMUM) {
            asm.zmm(Op.VFMADD213PH, VALUE, SCALE, MINIMUM);
        } else {
            asm.zmm(Op.VMULPH, VALUE, VALUE, SCALE);
        }
        asm.zmm(Op.VPMULHRSW, VALUE, VALUE, EIGHTH);
        asm.zmm(Op.VPANDD, VALUE, VALUE, KEPT);
    }

    /** The lookup sees the lowest five bits alone, so the table holds 16 meanings twice. */
    private static void nibbles(Asm asm, Mem four, int nibble) {
        int index = RAW;
        if (nibble == 0) {
            asm.zmm(Op.VMOVDQU32, RAW, four);
        } else {
            asm.zmm(Op.VPSRLW, INDEX, 0, RAW, new Asm.Constant(NIBBLES * nibble));
            index = INDEX;
        }
        asm.zmm(Op.VPERMW, VALUE, index, MEANINGS);
    }
}
