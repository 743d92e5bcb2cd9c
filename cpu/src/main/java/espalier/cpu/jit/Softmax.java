package espalier.cpu.jit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes down what becomes of a row of scores between two products of attention: weights of values. Every kernel that
 * does it emits these same instructions, so a row's bits do not depend on the kernel.
 */
final class Softmax {
    /** Exponents below have no weight that bf16 could hold. */
    private static final float LEAST_EXPONENT = -150;
    /** Of a polynomial for 2^r, |r| <= 1/2, within 2e-7; from the Cephes library by Moshier. */
    private static final float[] POWER = {
        1.5353362E-4f, 0.0013398874f, 0.009618437f, 0.055503324f, 0.24022648f, 0.6931472f, 1
    };

    /**
     * Round to nearest, mask exceptions, flush subnormal numbers to zero: each of those would cost the time of a row, and
     * they arise wherever a score is far below the greatest.
     */
    private static final int FLUSHING = 0x9FC0;
    /** Below the stack pointer, where a function that calls none may write. */
    private static final Mem CONTROL_BEFORE = Mem.at(Asm.RSP, -8);

    /** Of LDMXCSR and STMXCSR, which 2 and 3 in ModRM tell apart. */
    private static final int[] CONTROL_OPCODE = {0x0F, 0xAE};

    // Where the constants lie.
    private static final int POWER_AT = 8;
    private static final int FLUSHING_AT = POWER_AT + 4 * POWER.length;
    static final Mem ONE_OF_CONSTANTS = Mem.at(Asm.R9, FLUSHING_AT - 4);

    // Vector registers that hold them.
    private static final int SCALE = 16;
    private static final int FLOOR = 17;
    private static final int POLYNOMIAL = 18;
    /** Registers 6, 7, 30 and 31 are nobody's while rows are weighed, 15 between rows. */
    static final int SPARE = 15;

    static final int PAUSES = 5;

    private Softmax() {}

    /** @param scale of scores, times log2 e */
    static MemorySegment constants(Arena arena, float scale) {
        MemorySegment constants = arena.allocate(FLUSHING_AT + 4, 64);
        constants.set(ValueLayout.JAVA_INT, FLUSHING_AT, FLUSHING);
        constants.set(ValueLayout.JAVA_FLOAT, 0, scale);
        constants.set(ValueLayout.JAVA_FLOAT, 4, LEAST_EXPONENT);
        MemorySegment.copy(POWER, 0, constants, ValueLayout.JAVA_FLOAT, POWER_AT, POWER.length);
        return constants;
    }

    /** Subnormal numbers become zero from here on; R9 holds the address of the constants. */
    static void flush(Asm asm) {
        asm.narrow(3, CONTROL_BEFORE, CONTROL_OPCODE); // STMXCSR
        asm.narrow(2, Mem.at(Asm.R9, FLUSHING_AT), CONTROL_OPCODE); // LDMXCSR
    }

    /** No longer. */
    static void flushNoMore(Asm asm) {
        asm.narrow(2, CONTROL_BEFORE, CONTROL_OPCODE);
    }

    /** R9 holds the address of the constants. */
    static void loadConstants(Asm asm) {
        for (int i = 0; i < 2 + POWER.length; i++) {
            asm.zmm(Op.VBROADCASTSS, SCALE + i, Mem.at(Asm.R9, 4 * i));
        }
    }

    /**
     * A row whose scores are in registers 0 to {@code 2 * panels - 1}: writes its weights to RSI, updates the sums and the
     * greatest score at RCX, and scales the {@code 2 * groups} vectors of values at RDX to the new greatest.
     *
     * @param pause may emit something else, {@link #PAUSES} times
     */
    static void row(Asm asm, int panels, int groups, Runnable pause) {
        int vectors = 2 * panels;
        int keep = vectors;
        int greatest = vectors + 1;
        asm.zmm(Op.VMAXPS, greatest, 0, 1);
        for (int i = 2; i < vectors; i++) {
            asm.zmm(Op.VMAXPS, greatest, greatest, i);
        }
        new LaneSums(asm, 14).combine(Op.VMAXPS, greatest);
        pause.run();
        asm.zmm(Op.VBROADCASTSS, keep, Mem.at(Asm.RCX, AmxAttentionKernels.GREATEST_AT));
        asm.zmm(Op.VMAXPS, greatest, greatest, keep);
        asm.xmm(Op.VMOVD_STORE, greatest, Mem.at(Asm.RCX, AmxAttentionKernels.GREATEST_AT));
        asm.zmm(Op.VMULPS, greatest, greatest, SCALE);
        for (int i = 0; i <= keep; i++) {
            asm.zmm(Op.VFMSUB213PS, i, SCALE, greatest);
        }
        powers(asm, keep + 1, pause);
        asm.zmm(Op.VADDPS, 14, 0, 1);
        for (int panel = 0; panel < panels; panel++) {
            asm.zmm(Op.VCVTNE2PS2BF16, 13, 2 * panel + 1, 2 * panel); // the first source becomes the upper half
            asm.zmm(Op.VMOVDQU32_STORE, 13, Mem.at(Asm.RSI, 64 * panel));
        }
        if (panels == 2) {
            asm.zmm(Op.VADDPS, 15, 2, 3);
            asm.zmm(Op.VADDPS, 14, 14, 15);
        }
        asm.zmm(Op.VFMADD231PS, 14, keep, Mem.at(Asm.RCX, 0));
        asm.zmm(Op.VMOVUPS_STORE, 14, Mem.at(Asm.RCX, 0));
        pause.run();
        for (int i = 0; i < 2 * groups; i++) {
            asm.zmm(Op.VMULPS, 8 + i % 5, keep, Mem.at(Asm.RDX, 64 * i));
            asm.zmm(Op.VMOVUPS_STORE, 8 + i % 5, Mem.at(Asm.RDX, 64 * i));
        }
    }

    /** Registers 0 to {@code count} - 1 become powers of two with those exponents; 5 more from 8 and from 25 on are used. */
    private static void powers(Asm asm, int count, Runnable pause) {
        for (int i = 0; i < count; i++) {
            asm.zmm(Op.VMAXPS, i, i, FLOOR);
        }
        for (int i = 0; i < count; i++) {
            asm.zmm(Op.VRNDSCALEPS, 8 + i, 0, i, new Asm.Constant(8)); // to nearest, without an exception
            asm.zmm(Op.VSUBPS, i, i, 8 + i);
        }
        for (int i = 0; i < count; i++) {
            int sum = 25 + i;
            asm.zmm(Op.VMOVUPS, sum, POLYNOMIAL);
            for (int j = 1; j < POWER.length; j++) {
                asm.zmm(Op.VFMADD213PS, sum, i, POLYNOMIAL + j);
            }
            asm.zmm(Op.VSCALEFPS, i, sum, 8 + i);
            if (i < PAUSES - 2) {
                pause.run();
            }
        }
    }
}
