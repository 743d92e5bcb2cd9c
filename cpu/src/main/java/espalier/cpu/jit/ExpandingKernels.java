package espalier.cpu.jit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Products with {@link Grouping}s by tiles of bf16: weights become bf16 on their way from memory to the tiles.
 *
 * <p>Scales for every 32 numbers would break a product of whole numbers into pieces that pass through memory one by one,
 * which leaves a third of the tiles' speed. Numbers of 8 bits times a scale lose less by rounding to bf16 than x does
 * by rounding to bytes, and the tiles then add up the whole row.
 *
 * <p>Either a kernel expands a step while it multiplies by the one before ({@link #multiply}), for the rows of a decode
 * batch; or panels are expanded aside ({@link #expand}) and {@link AmxKernels} read them many times. The operands and
 * the order of the sums are the same, so the bits are.
 */
public final class ExpandingKernels {
    /** Bytes that {@link #multiply} wants for itself. */
    public static final int CALL_BYTES = AmxEmitter.CALL_BYTES + AmxEmitter.ROOM_BYTES;

    private final AmxKernels tiles;
    private final Expansion expansion;
    private final MemorySegment tables;
    private final Code.Kernel[] products = new Code.Kernel[4];
    private final Code.Kernel expanding;

    /** Emits the kernels, which live as long as the arena. */
    public ExpandingKernels(Grouping grouping, AmxKernels tiles, Arena arena) {
        this.tiles = tiles;
        expansion = new Expansion(grouping);
        tables = arena.allocate(Expansion.TABLE_BYTES, 64);
        expansion.fill(tables);
        var asm = new Asm();
        var starts = new int[products.length];
        for (int i = 0; i < starts.length; i++) {
            asm.align(64);
            starts[i] = asm.position();
            asm.name("bf16 tiles of " + grouping + ", variant " + i);
            new AmxEmitter(asm, 1 + (i & 1), 1 + (i >> 1 & 1), new AmxEmitter.Packed(expansion)).emit();
        }
        asm.align(64);
        int start = asm.position();
        asm.name("expansion to bf16 of " + grouping);
        emitExpansion(asm);
        Code code = Code.load(asm, arena);
        java.util.Arrays.setAll(products, i -> code.at(starts[i]));
        expanding = code.at(start);
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
    public void multiply(AmxKernels.Call c, MemorySegment memory) {
        AmxEmitter.Field.TABLES.set(memory, tables.address());
        tiles.run(c, memory, variant -> products[variant]);
    }

    /** Writes steps of one panel down as {@link AmxKernels} takes them. */
    public void expand(long packed, long to, int steps) {
        expanding.call(packed, to, steps, tables.address(), 0, 0);
    }
}
