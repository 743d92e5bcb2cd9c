package espalier.cpu.jit;

import espalier.cpu.jit.Processor.Feature;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.IntUnaryOperator;

/**
 * Rows of one byte an element become rows of bf16, by AVX-512.
 *
 * <p>Of an 8-bit float the sign is bf16's, and the other 7 bits are looked up in two tables of 128 bytes, which hold the
 * lower and the upper half of every magnitude: four registers, and one instruction a table for 64 elements. Subnormal
 * numbers, infinities and NaNs are entries like all others.
 */
public final class WideningKernels {
    /** Elements of a step; a widened row ends at a multiple. */
    public static final int STEP = 64;

    private static final int CODES = 128;
    private static final int LANES = 16;
    private static final int ALL_LANES = 0xFFFF;

    // Vector registers of the tables.
    private static final int LOW = 16;
    private static final int HIGH = 18;
    private static final int ORDER = 20;
    private static final int SIGN = 21;
    private static final int TABLE_BYTES = (SIGN - LOW + 1) * 64;

    private final int headDim;
    private final int steps;
    private final Code.Kernel floats;
    private final Code.Kernel integers;

    /** @param headDim elements of a row, a multiple of 4 */
    public WideningKernels(Arena arena, int headDim) {
        this.headDim = headDim;
        steps = Math.ceilDiv(headDim, STEP);
        var asm = new Asm();
        int floatsAt = asm.begin("widening of 8-bit floats, heads of " + headDim);
        emitFloats(asm);
        int integersAt = asm.begin("widening of 8-bit integers, heads of " + headDim);
        emitIntegers(asm);
        Code code = Code.load(asm, arena);
        floats = code.at(floatsAt);
        integers = code.at(integersAt);
    }

    /** Whether a processor has the instructions. */
    public static boolean suits(Processor processor) {
        return processor.has(Feature.AVX512, Feature.AVX512_BF16, Feature.AVX512_VBMI);
    }

    public static boolean takes(int headDim) {
        return headDim % 4 == 0;
    }

    /**
     * The tables of an 8-bit float.
     *
     * @param bf16 the bits of each magnitude, 0 to 127
     */
    public static MemorySegment tables(Arena arena, IntUnaryOperator bf16) {
        MemorySegment tables = arena.allocate(TABLE_BYTES, 64);
        for (int i = 0; i < CODES; i++) {
            int bits = bf16.applyAsInt(i);
            tables.set(ValueLayout.JAVA_BYTE, i, (byte) bits);
            tables.set(ValueLayout.JAVA_BYTE, CODES + i, (byte) (bits >>> 8));
        }
        // Halves are interleaved within quarters of a register: eighths 0 to 3 go to the lower half of each quarter.
        for (int i = 0; i < LANES; i++) {
            int eighth = i / 4 + i / 2 % 2 * 4;
            tables.setAtIndex(ValueLayout.JAVA_INT, 2 * CODES / 4 + i, 2 * eighth + i % 2);
        }
        tables.asSlice(2 * CODES + 64, 64).fill((byte) 0x80);
        return tables;
    }

    /** Widens {@code count} rows whose addresses stand in {@code rows} to rows of whole steps from {@code to}. */
    public void floats(long rows, long to, int count, MemorySegment tables) {
        floats.call(rows, to, count, tables.address(), 0, 0);
    }

    /** The same of integers, which are multiplied by the floats whose addresses stand in {@code scales}. */
    public void integers(long rows, long to, int count, long scales) {
        integers.call(rows, to, count, scales, 0, 0);
    }

    private static void emitMask(Asm asm, int mask, int lanes) {
        asm.constant(Asm.RAX, ALL_LANES >> (LANES - Math.clamp(lanes, 0, LANES)));
        asm.kmovw(mask, Asm.RAX);
    }

    /** {@code (addresses, to, rows, tables)}. */
    private void emitFloats(Asm asm) {
        emitMask(asm, 1, headDim % STEP / 4);
        for (int i = LOW; i <= SIGN; i++) {
            asm.zmm(Op.VMOVDQU32, i, Mem.at(Asm.RCX, 64 * (i - LOW)));
        }
        int loop = asm.position();
        asm.load(Asm.RAX, Mem.at(Asm.RDI, 0));
        for (int i = 0; i < steps; i++) {
            Mem from = Mem.at(Asm.RAX, STEP * i);
            asm.zmm(Op.VMOVDQU32, 0, (i + 1) * STEP > headDim ? from.masked(1) : from);
            asm.zmm(Op.VPERMD, 0, ORDER, 0);
            asm.zmm(Op.VMOVUPS, 1, 0);
            asm.zmm(Op.VMOVUPS, 2, 0);
            asm.zmm(Op.VPERMI2B, 1, LOW, LOW + 1);
            asm.zmm(Op.VPERMI2B, 2, HIGH, HIGH + 1);
            asm.zmm(Op.VPANDD, 0, 0, SIGN);
            asm.zmm(Op.VPORD, 2, 2, 0);
            asm.zmm(Op.VPUNPCKLBW, 3, 1, 2);
            asm.zmm(Op.VPUNPCKHBW, 4, 1, 2);
            asm.zmm(Op.VMOVDQU32_STORE, 3, Mem.at(Asm.RSI, 128 * i));
            asm.zmm(Op.VMOVDQU32_STORE, 4, Mem.at(Asm.RSI, 128 * i + 64));
        }
        emitNext(asm, loop);
    }

    /** {@code (addresses, to, rows, addresses of scales)}. */
    private void emitIntegers(Asm asm) {
        emitMask(asm, 1, headDim % LANES);
        int loop = asm.position();
        asm.load(Asm.RAX, Mem.at(Asm.RCX, 0));
        asm.zmm(Op.VBROADCASTSS, LOW, Mem.at(Asm.RAX, 0));
        asm.load(Asm.RAX, Mem.at(Asm.RDI, 0));
        for (int i = 0; i < steps * STEP; i += 2 * LANES) {
            for (int half = 0; half < 2; half++) {
                int from = i + half * LANES;
                Mem m = Mem.at(Asm.RAX, from);
                if (from >= headDim) {
                    asm.zmm(Op.VPXORD, half, half, half);
                } else {
                    asm.zmm(Op.VPMOVSXBD, half, from + LANES > headDim ? m.masked(1) : m);
                    asm.zmm(Op.VCVTDQ2PS, half, half);
                    asm.zmm(Op.VMULPS, half, half, LOW);
                }
            }
            asm.zmm(Op.VCVTNE2PS2BF16, 2, 1, 0); // the first source becomes the upper half
            asm.zmm(Op.VMOVDQU32_STORE, 2, Mem.at(Asm.RSI, 2 * i));
        }
        asm.add(Asm.RCX, new Asm.Constant(8));
        emitNext(asm, loop);
    }

    private void emitNext(Asm asm, int loop) {
        asm.add(Asm.RDI, new Asm.Constant(8));
        asm.add(Asm.RSI, new Asm.Constant(2 * STEP * steps));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
    }
}
