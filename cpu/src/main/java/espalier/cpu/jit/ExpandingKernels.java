package espalier.cpu.jit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Products with {@link Grouping}s by tiles of bf16: weights become bf16 on their way from memory to the tiles.
 *
 * <p>Scales for every 32 numbers would break a product of whole numbers into pieces that pass through memory one by one,
 * which leaves a third of the tiles' speed. Numbers of 8 bits times a scale lose less by rounding to bf16 than x does
 * by rounding to bytes, and the tiles then add up the whole row.
 *
 * <p>Either a kernel expands a step while it multiplies by the one before ({@link #multiply}), for the rows of a decode
 * batch; or panels are expanded aside ({@link #expand}) and {@link AmxKernels} read them many times. The operands and
 * the order of the sums are the same, so the bits are. Expanded weights are small by a power of two, and x is rounded to
 * bf16 large by the same ({@link #round}); {@link Expansion} says why, and what the shift of a matrix is.
 */
public final class ExpandingKernels {
    /** Bytes that {@link #multiply} wants for itself. */
    public static final int CALL_BYTES = AmxEmitter.CALL_BYTES + AmxEmitter.ROOM_BYTES;

    private static final int LINE = 64;
    /** How far ahead scales are fetched where only they are read. */
    private static final int SCALES_AHEAD = 16;

    private final Grouping grouping;
    private final AmxKernels tiles;
    private final Expansion expansion;
    /** Of each shift. */
    private final MemorySegment tables;

    private final Code.Kernel[] products = new Code.Kernel[4];
    private final Code.Kernel expanding;
    private final Code.Kernel rounding;
    private final Code.Kernel greatest;

    /** Whether a processor with tiles of bf16 has what else is wanted; all that were ever made have. */
    public static boolean suits(Processor processor) {
        return processor.has(Processor.Feature.AVX512_FP16);
    }

    /** Emits the kernels, which live as long as the arena. */
    public ExpandingKernels(Grouping grouping, AmxKernels tiles, Arena arena) {
        this.grouping = grouping;
        this.tiles = tiles;
        expansion = new Expansion(grouping);
        int shifts = Expansion.MOST_SHIFT - Expansion.LEAST_SHIFT + 1;
        tables = arena.allocate((long) shifts * Expansion.TABLE_BYTES, LINE);
        for (int shift = Expansion.LEAST_SHIFT; shift <= Expansion.MOST_SHIFT; shift++) {
            expansion.fill(tables(shift), shift);
        }
        var asm = new Asm();
        var starts = new int[products.length];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = asm.begin("bf16 tiles of " + grouping + ", variant " + i);
            new AmxEmitter(asm, 1 + (i & 1), 1 + (i >> 1 & 1), new AmxEmitter.Packed(expansion)).emit();
        }
        int expandingAt = asm.begin("expansion to bf16 of " + grouping);
        emitExpansion(asm);
        int roundingAt = asm.begin("rounding to bf16 for " + grouping);
        emitRounding(asm);
        int greatestAt = asm.begin("greatest scale of " + grouping);
        emitGreatest(asm);
        Code code = Code.load(asm, arena);
        java.util.Arrays.setAll(products, i -> code.at(starts[i]));
        expanding = code.at(expandingAt);
        rounding = code.at(roundingAt);
        greatest = code.at(greatestAt);
    }

    private MemorySegment tables(int shift) {
        return tables.asSlice((long) (shift - Expansion.LEAST_SHIFT) * Expansion.TABLE_BYTES, Expansion.TABLE_BYTES);
    }

    /** Bytes of a panel for each step. */
    public static int stepBytes(Grouping grouping) {
        return new Expansion(grouping).stepBytes();
    }

    private void emitExpansion(Asm asm) {
        expansion.begin(asm, Asm.RCX);
        int loop = asm.position();
        for (int half = 0; half < 2; half++) {
            expansion.half(asm, new Expansion.Half(Asm.RDI, Asm.RSI, half), 0);
        }
        asm.add(Asm.RDI, new Asm.Constant(expansion.stepBytes()));
        asm.add(Asm.RSI, new Asm.Constant(AmxKernels.STEP_BYTES));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }

    /** Runs a call whose weights are packed; {@code memory} of {@link #CALL_BYTES} belongs to the thread. */
    public void multiply(AmxKernels.Call c, int shift, MemorySegment memory) {
        AmxEmitter.Field.TABLES.set(memory, tables(shift).address());
        tiles.run(c, memory, variant -> products[variant]);
    }

    /** Writes steps of one panel down as {@link AmxKernels} takes them. */
    public void expand(long packed, long to, int steps, int shift) {
        expanding.call(packed, to, steps, tables(shift).address(), 0, 0);
    }

    /** Rounds {@code groups} times 32 floats to bf16, to nearest even, as x of a matrix with that shift. */
    public void round(long floats, long to, int groups, int shift) {
        rounding.call(floats, to, groups, tables(shift).address() + Expansion.INPUT_FACTOR_AT, 0, 0);
    }

    private static void emitRounding(Asm asm) {
        asm.zmm(Op.VBROADCASTSS, 2, Mem.at(Asm.RCX, 0));
        int loop = asm.position();
        for (int i = 0; i < 2; i++) {
            asm.zmm(Op.VMULPS, i, 2, Mem.at(Asm.RDI, LINE * i));
        }
        asm.zmm(Op.VCVTNE2PS2BF16, 0, 1, 0); // the first source becomes the upper half
        asm.zmm(Op.VMOVDQU32_STORE, 0, Mem.at(Asm.RSI, 0));
        asm.add(Asm.RDI, new Asm.Constant(2 * LINE));
        asm.add(Asm.RSI, new Asm.Constant(LINE));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }

    /** The greatest magnitudes among scales and among minima. */
    public record Greatest(float scale, float minimum) {
        public static final Greatest NONE = new Greatest(0, 0);

        public Greatest and(Greatest other) {
            return new Greatest(Math.max(scale, other.scale), Math.max(minimum, other.minimum));
        }
    }

    /** The shift that goes with them. */
    public int shift(Greatest of) {
        return expansion.shift(of.scale, of.minimum);
    }

    /** Looks through consecutive steps; {@code memory} of {@link #CALL_BYTES} belongs to the thread. */
    public Greatest greatest(long packed, long steps, MemorySegment memory) {
        memory.asSlice(0, 2 * LINE).fill((byte) 0);
        greatest.call(packed, memory.address(), steps, 0, 0, 0);
        float[] found = new float[2];
        for (int i = 0; i < 2 * LINE / grouping.scales().bytes(); i++) {
            float each = switch (grouping.scales()) {
                case F16 -> Float.float16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i));
                case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            };
            int of = i * grouping.scales().bytes() / LINE;
            found[of] = Math.max(found[of], each);
        }
        return new Greatest(found[0], found[1]);
    }

    /** {@code (first step, two vectors of results, steps)}; magnitudes are ordered as whole numbers are. */
    private void emitGreatest(Asm asm) {
        boolean halves = grouping.scales() == Grouping.Scales.F16;
        asm.constant(Asm.RAX, halves ? 0x7FFF7FFF : 0x7FFFFFFF);
        asm.zmm(Op.VPBROADCASTD_GENERAL, 3, Asm.RAX);
        int minimaAt = grouping.minimaAt(AmxKernels.PANEL);
        for (int i = 0; i < 2; i++) {
            asm.zmm(Op.VPXORD, i, i, i);
        }
        int loop = asm.position();
        for (int at = 0; at < grouping.numbersAt(AmxKernels.PANEL); at += LINE) {
            int to = at < minimaAt ? 0 : 1;
            asm.prefetchT0(Mem.at(Asm.RDI, at + SCALES_AHEAD * expansion.stepBytes()));
            asm.zmm(Op.VPANDD, 2, 3, Mem.at(Asm.RDI, at));
            asm.zmm(halves ? Op.VPMAXUW : Op.VMAXPS, to, to, 2);
        }
        asm.add(Asm.RDI, new Asm.Constant(expansion.stepBytes()));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        for (int i = 0; i < 2; i++) {
            asm.zmm(Op.VMOVDQU32_STORE, i, Mem.at(Asm.RSI, LINE * i));
        }
        asm.vzeroupper();
        asm.ret();
    }
}
