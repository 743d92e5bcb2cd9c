package espalier.cpu.jit;

/**
 * {@code gate / (1 + exp(-gate)) * up} of a vector, for {@link RowCode}.
 *
 * <p>What the loop does for arguments whose exponential is taken as 0 is left out: 1 added to the least one is 1 too.
 */
final class Silu {
    /** As {@code Lanes.exp} has them. */
    static final float[] CONSTANTS = {
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

    private Silu() {}

    /** R9 holds the address of the constants. */
    static void loadConstants(Asm asm) {
        for (int i = 0; i < CONSTANTS.length; i++) {
            asm.zmm(Op.VBROADCASTSS, GREATEST + i, Mem.at(Asm.R9, 4 * i));
        }
    }

    static void vector(Asm asm, Mem gate, Mem up, Mem out) {
        asm.zmm(Op.VMOVUPS, GATE, gate);
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
        asm.zmm(Op.VMOVUPS, SQUARE, up);
        asm.zmm(Op.VMULPS, P, P, SQUARE);
        asm.zmm(Op.VMOVUPS_STORE, P, out);
    }
}
