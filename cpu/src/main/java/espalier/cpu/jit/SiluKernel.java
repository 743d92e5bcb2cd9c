package espalier.cpu.jit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code gate / (1 + exp(-gate)) * up} by AVX-512, step by step as the Vector API's loop does it, so with the same bits.
 * Once compiled that loop is as fast; until then, in the first steps of a process, its exponential takes longer than all products.
 *
 * <p>What the loop does for arguments whose exponential is taken as 0 is left out: 1 added to the least one is 1 too.
 */
public final class SiluKernel {
    private static final int LANES = 16;
    private static final int ALL_LANES = 0xFFFF;
    private static final int MASK = 1;

    /** As {@code Lanes.exp} has them. */
    private static final float[] CONSTANTS = {
        88,
        -87,
        1.442695f,
        0x1.8p23f,
        -0x1.63p-1f,
        2.1219444e-4f,
        0.001381432f,
        0.008368851f,
        0.0416684f,
        0.1666652f,
        0.49999994f,
        1,
        -0f,
        Float.intBitsToFloat(127)
    };

    // Vector registers of the constants, in their order.
    private static final int GREATEST = 16;
    private static final int LEAST = 17;
    private static final int LOG2_E = 18;
    private static final int ROUNDER = 19;
    private static final int LN2_HIGH = 20;
    private static final int LN2_LOW = 21;
    private static final int P4 = 22;
    private static final int P0 = 26;
    private static final int ONE = 27;
    private static final int SIGN = 28;
    private static final int BIAS = 29;

    private static final int GATE = 0;
    private static final int X = 1;
    private static final int SHIFTED = 2;
    private static final int R = 3;
    private static final int P = 4;
    private static final int SQUARE = 5;

    private final Code.Kernel kernel;
    private final MemorySegment constants;

    /** Emits the code, which lives as long as the arena; wants {@link Processor.Feature#AVX512}. */
    public SiluKernel(Arena arena) {
        constants = arena.allocateFrom(ValueLayout.JAVA_FLOAT, CONSTANTS);
        var asm = new Asm();
        asm.name("SiLU times up");
        emit(asm);
        kernel = Code.load(asm, arena).at(0);
    }

    /** Whoever calls has checked that all {@code count} floats of each lie in memory; {@code out} may be one of the others. */
    public void run(long gate, long up, long out, int count) {
        kernel.call(gate, up, out, count / LANES, (1L << count % LANES) - 1, constants.address());
    }

    /** {@code (gate, up, out, whole vectors, mask of the last, constants)}. */
    private static void emit(Asm asm) {
        for (int i = 0; i < CONSTANTS.length; i++) {
            asm.zmm(Op.VBROADCASTSS, GREATEST + i, Mem.at(Asm.R9, 4 * i));
        }
        asm.constant(Asm.RAX, ALL_LANES);
        asm.kmovw(MASK, Asm.RAX);
        int next = asm.position();
        asm.cmp(Asm.RCX, new Asm.Constant(0));
        Asm.Jump last = asm.jump(Asm.Condition.EQUAL);
        vector(asm);
        asm.add(Asm.RDI, new Asm.Constant(4 * LANES));
        asm.add(Asm.RSI, new Asm.Constant(4 * LANES));
        asm.add(Asm.RDX, new Asm.Constant(4 * LANES));
        asm.sub(Asm.RCX, new Asm.Constant(1));
        asm.cmp(Asm.RDX, Asm.RDX);
        asm.jump(Asm.Condition.EQUAL, next);
        asm.land(last);
        asm.cmp(Asm.R8, new Asm.Constant(0));
        Asm.Jump done = asm.jump(Asm.Condition.EQUAL);
        asm.mov(Asm.RAX, Asm.R8);
        asm.kmovw(MASK, Asm.RAX);
        vector(asm);
        asm.land(done);
        asm.vzeroupper();
        asm.ret();
    }

    private static void vector(Asm asm) {
        asm.zmm(Op.VMOVUPS, GATE, Mem.at(Asm.RDI, 0).masked(MASK));
        asm.zmm(Op.VPXORD, X, GATE, SIGN);
        asm.zmm(Op.VMINPS, X, GREATEST, X); // a NaN in the second operand stays
        asm.zmm(Op.VMAXPS, X, LEAST, X);
        asm.zmm(Op.VMOVUPS, SHIFTED, X);
        asm.zmm(Op.VFMADD213PS, SHIFTED, LOG2_E, ROUNDER);
        asm.zmm(Op.VSUBPS, R, SHIFTED, ROUNDER);
        asm.zmm(Op.VFMADD231PS, X, R, LN2_HIGH);
        asm.zmm(Op.VFMADD213PS, R, LN2_LOW, X);
        asm.zmm(Op.VMOVUPS, P, P4);
        for (int term = P4 + 1; term <= P0; term++) {
            asm.zmm(Op.VFMADD213PS, P, R, term);
        }
        asm.zmm(Op.VMULPS, SQUARE, R, R);
        asm.zmm(Op.VFMADD213PS, P, SQUARE, R);
        asm.zmm(Op.VADDPS, P, P, ONE);
        asm.zmm(Op.VPADDD, SHIFTED, SHIFTED, BIAS);
        asm.zmm(Op.VPSLLD, SHIFTED, 0, SHIFTED, new Asm.Constant(23));
        asm.zmm(Op.VMULPS, P, P, SHIFTED);
        asm.zmm(Op.VADDPS, P, P, ONE);
        asm.zmm(Op.VDIVPS, P, GATE, P);
        asm.zmm(Op.VMOVUPS, SQUARE, Mem.at(Asm.RSI, 0).masked(MASK));
        asm.zmm(Op.VMULPS, P, P, SQUARE);
        asm.zmm(Op.VMOVUPS_STORE, P, Mem.at(Asm.RDX, 0).masked(MASK));
    }
}
