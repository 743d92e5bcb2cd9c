package espalier.cpu.jit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What attention does between its two products by {@link AmxKernels}, for heads of one size: keys and values of a block
 * of {@value #BLOCK} positions become panels of weights, and scores become weights of values.
 *
 * <p>Keys are transposed, 16 positions by 16 pairs of elements at a time. Values need only the pairs of two positions,
 * which the instructions that interleave within quarters of a register give in another order of columns: {@link #finish}
 * puts them back.
 */
public final class AmxAttentionKernels {
    /** Positions whose scores are weighed together. */
    public static final int BLOCK = 64;
    /** From one row of scores to the next, and from one of weights, in bytes: odd numbers of cache lines. */
    public static final int SCORE_STRIDE = 4 * BLOCK + 64;

    public static final int WEIGHT_STRIDE = 2 * BLOCK + 64;
    /** Per row: 16 partial sums of weights, then the greatest score so far. */
    public static final int STATE_STRIDE = 128;

    public static final int GREATEST_AT = 64;
    /** From one panel of values to the next. */
    public static final int VALUE_PANEL_BYTES = BLOCK / AmxKernels.STEP * AmxKernels.STEP_BYTES;
    /** What a score is set to where a row must not see; and where the greatest score begins, above it. */
    public static final float UNSEEN = -3e38f;

    public static final float LEAST = -1e30f;

    private static final int LANES = 16;
    private static final int ALL_LANES = 0xFFFF;
    /** A vector register. */
    private static final int ONE = 24;

    private final int headDim;
    private final int groups;
    private final MemorySegment constants;

    private final MemorySegment order;
    private final Code.Kernel keys;
    private final Code.Kernel values;
    private final Code.Kernel[] weighing = new Code.Kernel[2];
    private final Code.Kernel finishing;

    /**
     * @param headDim an even number
     * @param scale of scores, times log2 e
     */
    public AmxAttentionKernels(Arena arena, int headDim, float scale) {
        this.headDim = headDim;
        groups = Math.ceilDiv(headDim, AmxKernels.STEP);
        constants = Softmax.constants(arena, scale);
        order = arena.allocate(2L * 4 * LANES, 64);
        for (int i = 0; i < 2 * LANES; i++) {
            int quarter = i / 8 + i / 4 % 2 * 4; // 4 from the first half of a group, 4 from the second, and so on
            order.setAtIndex(ValueLayout.JAVA_INT, i, 4 * quarter + i % 4);
        }
        var asm = new Asm();
        String about = "attention by tiles, heads of " + headDim + ": ";
        int keysAt = asm.begin(about + "packing of keys");
        emitKeys(asm);
        int valuesAt = asm.begin(about + "packing of values");
        emitValues(asm);
        int oneAt = asm.begin(about + "weights of a panel");
        emitWeighing(asm, 1);
        int twoAt = asm.begin(about + "weights of two panels");
        emitWeighing(asm, 2);
        int finishAt = asm.begin(about + "division by the sums");
        emitFinish(asm);
        Code code = Code.load(asm, arena);
        keys = code.at(keysAt);
        values = code.at(valuesAt);
        weighing[0] = code.at(oneAt);
        weighing[1] = code.at(twoAt);
        finishing = code.at(finishAt);
    }

    /** The address of what {@link Softmax} takes. */
    long constants() {
        return constants.address();
    }

    /** Bytes from one row of accumulated values to the next. */
    public long valueStride() {
        return 4L * AmxKernels.STEP * groups + 64;
    }

    public long keyPanelBytes() {
        return (long) groups * AmxKernels.STEP_BYTES;
    }

    public int valuePanels() {
        return groups;
    }

    /** Panels of keys whose addresses stand in {@code rows}, 32 to a panel. */
    public void packKeys(long rows, long to, int panels) {
        keys.call(rows, to, 2L * panels, 0, 0, 0);
    }

    /** The same positions' values, as weights of the sum over positions. */
    public void packValues(long rows, long to, int panels) {
        for (int i = 0; i < panels; i++) {
            values.call(rows + 8L * AmxKernels.STEP * i, to + (long) i * AmxKernels.STEP_BYTES, 16, 0, 0, 0);
        }
    }

    /**
     * Turns scores into weights: {@code 2^(scale * (score - greatest))}, updates each row's greatest score and sums, and
     * scales its accumulated values to the new greatest.
     */
    public void weigh(long scores, long weights, long values, long state, int rows, int panels) {
        weighing[panels - 1].call(scores, weights, values, state, rows, constants.address());
    }

    /** Divides accumulated values by the sums and writes them in their own order, {@code heads} rows one after another. */
    public void finish(long values, long state, long out, int heads) {
        finishing.call(values, out, state, heads, order.address(), constants.address());
    }

    /** The loads of a row's last, incomplete group of elements are masked. */
    private Mem group(int base, int group, int mask) {
        Mem m = Mem.at(base, 2 * AmxKernels.STEP * group);
        return (group + 1) * AmxKernels.STEP > headDim ? m.masked(mask) : m;
    }

    private void emitMask(Asm asm, int mask, int lanes) {
        asm.constant(Asm.RAX, ALL_LANES >> (LANES - Math.clamp(lanes, 0, LANES)));
        asm.kmovw(mask, Asm.RAX);
    }

    /** {@code (addresses, to, count of 16 positions)}. */
    private void emitKeys(Asm asm) {
        emitMask(asm, 1, headDim % AmxKernels.STEP / 2);
        asm.constant(Asm.R8, AmxKernels.STEP_BYTES / 2);
        asm.constant(Asm.R9, (int) keyPanelBytes() - AmxKernels.STEP_BYTES / 2);
        int loop = asm.position();
        for (int g = 0; g < groups; g++) {
            for (int i = 0; i < LANES; i++) {
                asm.load(Asm.RAX, Mem.at(Asm.RDI, 8 * i));
                asm.zmm(Op.VMOVDQU32, i, group(Asm.RAX, g, 1));
            }
            emitTransposition(asm, g * AmxKernels.STEP_BYTES);
        }
        asm.add(Asm.RDI, new Asm.Constant(8 * LANES));
        asm.mov(Asm.RAX, Asm.R8);
        asm.add(Asm.RSI, Asm.RAX); // from one half of a panel to the other, or on to the next panel
        asm.mov(Asm.R8, Asm.R9);
        asm.mov(Asm.R9, Asm.RAX);
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }

    /** 16 registers of 16 elements each: pairs of rows, fours of rows, then quarters of registers. */
    private static void emitTransposition(Asm asm, int to) {
        for (int i = 0; i < LANES; i += 2) {
            asm.zmm(Op.VPUNPCKLDQ, 16 + i, i, i + 1);
            asm.zmm(Op.VPUNPCKHDQ, 17 + i, i, i + 1);
        }
        for (int i = 0; i < LANES; i += 4) {
            for (int j = 0; j < 4; j++) {
                asm.zmm(Op.VSHUFPS, i + j, 16 + i + j / 2, 18 + i + j / 2, new Asm.Constant(j % 2 == 0 ? 0x44 : 0xEE));
            }
        }
        for (int j = 0; j < 4; j++) {
            for (int odd = 0; odd < 2; odd++) {
                var quarters = new Asm.Constant(odd == 0 ? 0x88 : 0xDD);
                asm.zmm(Op.VSHUFF32X4, 16 + 4 * odd, j, 4 + j, quarters);
                asm.zmm(Op.VSHUFF32X4, 17 + 4 * odd, 8 + j, 12 + j, quarters);
                for (int high = 0; high < 2; high++) {
                    int column = 4 * (odd + 2 * high) + j;
                    asm.zmm(Op.VSHUFF32X4, 24, 16 + 4 * odd, 17 + 4 * odd, new Asm.Constant(high == 0 ? 0x88 : 0xDD));
                    asm.zmm(Op.VMOVDQU32_STORE, 24, Mem.at(Asm.RSI, to + 64 * column));
                }
            }
        }
    }

    /** {@code (addresses, to, pairs of positions)}. */
    private void emitValues(Asm asm) {
        emitMask(asm, 1, headDim % AmxKernels.STEP / 2);
        int loop = asm.position();
        asm.load(Asm.RAX, Mem.at(Asm.RDI, 0));
        asm.load(Asm.RCX, Mem.at(Asm.RDI, 8));
        for (int g = 0; g < groups; g++) {
            asm.zmm(Op.VMOVDQU32, 0, group(Asm.RAX, g, 1));
            asm.zmm(Op.VMOVDQU32, 1, group(Asm.RCX, g, 1));
            asm.zmm(Op.VPUNPCKLWD, 2, 0, 1);
            asm.zmm(Op.VPUNPCKHWD, 3, 0, 1);
            asm.zmm(Op.VMOVDQU32_STORE, 2, Mem.at(Asm.RSI, VALUE_PANEL_BYTES * g));
            asm.zmm(Op.VMOVDQU32_STORE, 3, Mem.at(Asm.RSI, VALUE_PANEL_BYTES * g + AmxKernels.STEP_BYTES / 2));
        }
        asm.add(Asm.RDI, new Asm.Constant(16));
        asm.add(Asm.RSI, new Asm.Constant(64));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }

    /** {@code (scores, weights, values, state, rows, constants)}. */
    private void emitWeighing(Asm asm, int panels) {
        Softmax.flush(asm);
        Softmax.loadConstants(asm);
        int loop = asm.position();
        for (int i = 0; i < 2 * panels; i++) {
            asm.zmm(Op.VMOVUPS, i, Mem.at(Asm.RDI, 64 * i));
        }
        Softmax.row(asm, panels, groups, () -> {});
        asm.add(Asm.RDI, new Asm.Constant(SCORE_STRIDE));
        asm.add(Asm.RSI, new Asm.Constant(WEIGHT_STRIDE));
        asm.add(Asm.RDX, new Asm.Constant((int) valueStride()));
        asm.add(Asm.RCX, new Asm.Constant(STATE_STRIDE));
        asm.sub(Asm.R8, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        Softmax.flushNoMore(asm);
        asm.vzeroupper();
        asm.ret();
    }

    /** {@code (values, out, state, heads, order, constants)}. */
    private void emitFinish(Asm asm) {
        int rest = headDim - (groups - 1) * AmxKernels.STEP;
        emitMask(asm, 1, rest);
        emitMask(asm, 2, rest - LANES);
        asm.zmm(Op.VMOVDQU32, 30, Mem.at(Asm.R8, 0));
        asm.zmm(Op.VMOVDQU32, 31, Mem.at(Asm.R8, 64));
        asm.zmm(Op.VBROADCASTSS, ONE, Softmax.ONE_OF_CONSTANTS);
        int loop = asm.position();
        asm.zmm(Op.VMOVUPS, 0, Mem.at(Asm.RDX, 0));
        new LaneSums(asm, 1).combine(Op.VADDPS, 0);
        asm.zmm(Op.VDIVPS, 0, ONE, 0);
        for (int g = 0; g < groups; g++) {
            Mem first = Mem.at(Asm.RSI, 128 * g);
            Mem second = Mem.at(Asm.RSI, 128 * g + 64);
            asm.zmm(Op.VMULPS, 1, 0, Mem.at(Asm.RDI, 128 * g));
            asm.zmm(Op.VMULPS, 3, 0, Mem.at(Asm.RDI, 128 * g + 64));
            asm.zmm(Op.VMOVUPS, 2, 1);
            asm.zmm(Op.VPERMT2D, 1, 30, 3);
            asm.zmm(Op.VPERMT2D, 2, 31, 3);
            asm.zmm(Op.VMOVUPS_STORE, 1, g == groups - 1 ? first.masked(1) : first);
            asm.zmm(Op.VMOVUPS_STORE, 2, g == groups - 1 ? second.masked(2) : second);
        }
        asm.add(Asm.RDI, new Asm.Constant((int) valueStride()));
        asm.add(Asm.RSI, new Asm.Constant(4 * headDim));
        asm.add(Asm.RDX, new Asm.Constant(STATE_STRIDE));
        asm.sub(Asm.RCX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }
}
