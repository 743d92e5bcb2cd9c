package espalier.cpu.jit;

import java.util.Arrays;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A small x86-64 assembler: the scalar instructions that a loop needs, and the vector instructions of {@link Op} in
 * EVEX form (AVX-512) and VEX form (AVX2, AVX-VNNI). Registers are plain numbers, because a generator computes them.
 * Operands come destination first, as in volume 2 of Intel's "Software Developer's Manual", whose sections 2.1 (legacy),
 * 2.3 (VEX) and 2.7 (EVEX) have the byte layouts. The tests hold every form against a disassembler.
 */
public final class Asm {
    public static final int RAX = 0;
    public static final int RCX = 1;
    public static final int RDX = 2;
    public static final int RBX = 3;
    public static final int RSP = 4;
    public static final int RBP = 5;
    public static final int RSI = 6;
    public static final int RDI = 7;
    public static final int R8 = 8;
    public static final int R9 = 9;
    public static final int R10 = 10;
    public static final int R11 = 11;
    public static final int R12 = 12;
    public static final int R13 = 13;
    public static final int R14 = 14;
    public static final int R15 = 15;

    /** Bytes of a cache line. */
    private static final int LINE = 64;

    private byte[] code = new byte[4096];
    private int size;
    private final NavigableMap<Integer, String> names = new TreeMap<>();

    /** When {@link #jump} jumps: what the last arithmetic instruction or comparison found (unsigned). */
    public enum Condition {
        BELOW(2),
        ABOVE_OR_EQUAL(3),
        EQUAL(4),
        NOT_EQUAL(5);

        private final int number;

        Condition(int number) {
            this.number = number;
        }
    }

    /** A number inside an instruction, as opposed to a register's. */
    public record Constant(int value) {}

    /** A jump whose target is not known yet. */
    public record Jump(int end) {}

    /**
     * What a vector instruction works on; the parts that its form has not are ignored.
     *
     * @param m what ModRM holds: a register's number, or memory
     */
    record Operands(int dst, int src, M m, int constant) {}

    /** A register or memory. */
    sealed interface M {
        record Register(int number) implements M {}

        record Memory(Mem at) implements M {}
    }

    /** Bytes so far, the address of what comes next. */
    public int position() {
        return size;
    }

    public byte[] bytes() {
        return Arrays.copyOf(code, size);
    }

    /**
     * Begins code that is called, at the start of a cache line, and returns where that is.
     *
     * @param name for whoever looks at a profile: of all up to the next beginning
     */
    public int begin(String name) {
        while (size % LINE != 0) {
            put(0x90); // does nothing
        }
        names.put(size, name);
        return size;
    }

    NavigableMap<Integer, String> names() {
        return names;
    }

    void put(int... bytes) {
        if (size + bytes.length > code.length) {
            code = Arrays.copyOf(code, 2 * code.length);
        }
        for (int b : bytes) {
            code[size++] = (byte) b;
        }
    }

    private void put32(int value) {
        put(value, value >> 8, value >> 16, value >> 24);
    }

    // Vector instructions of 512 bits in EVEX form and of 256 bits in VEX form.

    public void zmm(Op op, int dst, int src, int rm) {
        vector(op, Op.Encoding.EVEX_512, new Operands(dst, src, new M.Register(rm), 0));
    }

    public void zmm(Op op, int dst, int src, Mem m) {
        vector(op, Op.Encoding.EVEX_512, new Operands(dst, src, new M.Memory(m), 0));
    }

    public void zmm(Op op, int dst, int rm) {
        zmm(op, dst, 0, rm);
    }

    public void zmm(Op op, int dst, Mem m) {
        zmm(op, dst, 0, m);
    }

    public void zmm(Op op, int dst, int src, int rm, Constant c) {
        vector(op, Op.Encoding.EVEX_512, new Operands(dst, src, new M.Register(rm), c.value));
    }

    public void zmm(Op op, int dst, int src, Mem m, Constant c) {
        vector(op, Op.Encoding.EVEX_512, new Operands(dst, src, new M.Memory(m), c.value));
    }

    public void ymm(Op op, int dst, int src, int rm) {
        vector(op, Op.Encoding.VEX_256, new Operands(dst, src, new M.Register(rm), 0));
    }

    public void ymm(Op op, int dst, int src, Mem m) {
        vector(op, Op.Encoding.VEX_256, new Operands(dst, src, new M.Memory(m), 0));
    }

    public void ymm(Op op, int dst, int rm) {
        ymm(op, dst, 0, rm);
    }

    public void ymm(Op op, int dst, Mem m) {
        ymm(op, dst, 0, m);
    }

    public void ymm(Op op, int dst, int src, int rm, Constant c) {
        vector(op, Op.Encoding.VEX_256, new Operands(dst, src, new M.Register(rm), c.value));
    }

    public void ymm(Op op, int dst, int src, Mem m, Constant c) {
        vector(op, Op.Encoding.VEX_256, new Operands(dst, src, new M.Memory(m), c.value));
    }

    /** In the narrow VEX form of 128 bits. */
    public void narrowest(Op op, int dst, int rm) {
        vector(op, Op.Encoding.VEX_128, new Operands(dst, 0, new M.Register(rm), 0));
    }

    public void narrowest(Op op, int dst, Mem m) {
        vector(op, Op.Encoding.VEX_128, new Operands(dst, 0, new M.Memory(m), 0));
    }

    /** A move between a vector register and memory in the narrow EVEX form of 128 bits. */
    public void xmm(Op op, int dst, Mem m) {
        vector(op, Op.Encoding.EVEX_128, new Operands(dst, 0, new M.Memory(m), 0));
    }

    /** In the EVEX form of 256 bits, which has 32 registers. */
    public void ymm32(Op op, int dst, int src, int rm) {
        vector(op, Op.Encoding.EVEX_256, new Operands(dst, src, new M.Register(rm), 0));
    }

    public void ymm32(Op op, int dst, int src, int rm, Constant c) {
        vector(op, Op.Encoding.EVEX_256, new Operands(dst, src, new M.Register(rm), c.value));
    }

    public void ymm32(Op op, int dst, Mem m) {
        vector(op, Op.Encoding.EVEX_256, new Operands(dst, 0, new M.Memory(m), 0));
    }

    /** Clears the upper halves of the vector registers, or SSE code that follows would run slowly. */
    public void vzeroupper() {
        put(0xC5, 0xF8, 0x77);
    }

    /** Sets a mask register to the low 16 bits of one of the first eight general registers. */
    public void kmovw(int mask, int lowRegister) {
        put(0xC5, 0xF8, 0x92, 0xC0 | mask << 3 | low(lowRegister));
    }

    void vector(Op op, Op.Encoding encoding, Operands o) {
        Mem m = o.m instanceof M.Memory(Mem at) ? at : null;
        int rm = o.m instanceof M.Register(int number) ? number : 0;
        boolean vex = encoding.isVex();
        boolean repeated = m != null && m.isRepeated();
        int mask = m == null ? 0 : m.mask();
        boolean wrongMemory = (repeated && (vex || op.kind != Op.Kind.REPEATABLE)) || (vex && mask != 0);
        if (op.name(encoding).isEmpty() || wrongMemory) {
            throw new IllegalArgumentException("no such form: " + op + ", " + encoding + ", " + o);
        }
        boolean shift = op.form == Op.Form.SHIFT_D_M_I;
        int reg = shift ? op.opcode >> 8 : o.dst;
        int second = shift ? o.dst : o.src;
        // Bits of register numbers beyond the third are stored inverted; a vector register in ModRM has X as its fifth.
        int x = m == null ? rm >> 4 : m.indexBit();
        int b = m == null ? rm >> 3 : m.base() >> 3;
        int extensions = (~reg >> 3 & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | op.map.number;
        int sources = (~second & 15) << 3 | op.prefix.number;
        int width = encoding.bits() >> 8;
        if (vex) {
            put(0xC4, extensions, sources | width << 2, op.opcode);
        } else {
            int zeroing = mask != 0 && !op.form.isStore() ? 0x80 : 0;
            int last = zeroing | width << 5 | (repeated ? 16 : 0) | (~second >> 4 & 1) << 3 | mask;
            put(0x62, extensions | (~reg >> 4 & 1) << 4, sources | 4, last, op.opcode);
        }
        modRm(reg, rm, m, vex ? 1 : repeated ? 4 : op.kind.bytes(encoding.bits()));
        if (op.form.hasConstant()) {
            put(o.constant);
        }
    }

    /** An instruction without memory: of no tile, of {@code dst}, or {@code dst += a * b}. */
    public void tile(TileOp op, int dst, int a, int b) {
        put(0xC4, 0xE2, (~b & 15) << 3 | op.prefix.number, op.opcode, 0xC0 | dst << 3 | a);
    }

    /** A tile and memory, or the configuration of all in memory. */
    public void tile(TileOp op, int tile, Mem m) {
        if (op.form == TileOp.Form.TILE_MEMORY && !m.isIndexed()) {
            throw new IllegalArgumentException(op + " takes the distance of rows from an index register");
        }
        put(0xC4, 0x82 | (~m.indexBit() & 1) << 6 | (~m.base() >> 3 & 1) << 5, 0x78 | op.prefix.number, op.opcode);
        modRm(tile, 0, m, 1);
    }

    // Scalar instructions, of 64 bits unless they say otherwise.

    public void mov(int dst, int src) {
        scalar(0x8B, dst, src, null);
    }

    public void load(int dst, Mem m) {
        scalar(0x8B, dst, 0, m);
    }

    /** The low 32 bits; the others become zero. */
    public void load32(int dst, Mem m) {
        narrow(dst, m, 0x8B);
    }

    public void store(Mem m, int src) {
        scalar(0x89, src, 0, m);
    }

    public void store32(Mem m, int src) {
        narrow(src, m, 0x89);
    }

    /** The low 16 bits; the others become zero. */
    public void load16(int dst, Mem m) {
        narrow(dst, m, 0x0F, 0xB7);
    }

    public void store16(Mem m, int src) {
        put(0x66);
        narrow(src, m, 0x89);
    }

    public void lea(int dst, Mem m) {
        scalar(0x8D, dst, 0, m);
    }

    public void add(int dst, int src) {
        scalar(0x03, dst, src, null);
    }

    public void sub(int dst, int src) {
        scalar(0x2B, dst, src, null);
    }

    public void cmp(int left, int right) {
        scalar(0x3B, left, right, null);
    }

    public void add(int dst, Constant c) {
        arithmetic(0, dst, c.value);
    }

    public void sub(int dst, Constant c) {
        arithmetic(5, dst, c.value);
    }

    public void and(int dst, Constant c) {
        arithmetic(4, dst, c.value);
    }

    public void xor(int dst, Constant c) {
        arithmetic(6, dst, c.value);
    }

    public void cmp(int left, Constant c) {
        arithmetic(7, left, c.value);
    }

    /** {@code dst = src * c}. */
    public void multiply(int dst, int src, Constant c) {
        scalar(0x69, dst, src, null);
        put32(c.value);
    }

    /** Shifts zeros in from the left. */
    public void shiftRight(int register, int bits) {
        scalar(0xC1, 5, register, null);
        put(bits);
    }

    /** Sets the low 32 bits and clears the rest. */
    public void constant(int dst, int value) {
        withRegister(0xB8, dst);
        put32(value);
    }

    public void push(int register) {
        withRegister(0x50, register);
    }

    public void pop(int register) {
        withRegister(0x58, register);
    }

    /** An opcode that holds its register. */
    private void withRegister(int opcode, int register) {
        if (register > 7) {
            put(0x41);
        }
        put(opcode | (register & 7));
    }

    public void prefetchT0(Mem m) {
        narrow(1, m, 0x0F, 0x18);
    }

    public void prefetchT1(Mem m) {
        narrow(2, m, 0x0F, 0x18);
    }

    public void cpuid() {
        put(0x0F, 0xA2);
    }

    public void xgetbv() {
        put(0x0F, 0x01, 0xD0);
    }

    public void ret() {
        put(0xC3);
    }

    /** Jumps back to a {@link #position} if the condition holds. */
    public void jump(Condition condition, int target) {
        put(0x0F, 0x80 | condition.number);
        put32(target - (size + 4));
    }

    /** Jumps to where {@link #land} will be called if the condition holds. */
    public Jump jump(Condition condition) {
        put(0x0F, 0x80 | condition.number);
        put32(0);
        return new Jump(size);
    }

    /** What comes next is the target of that jump. */
    public void land(Jump jump) {
        int distance = size - jump.end;
        for (int i = 0; i < 4; i++) {
            code[jump.end - 4 + i] = (byte) (distance >> (8 * i));
        }
    }

    private static int low(int register) {
        if (register > 7) {
            throw new IllegalArgumentException("one of the first eight registers is wanted, not " + register);
        }
        return register;
    }

    private void scalar(int opcode, int reg, int rm, @Nullable Mem m) {
        put(0x48 | (reg >> 3) << 2 | (m == null ? rm >> 3 : m.indexBit() << 1 | m.base() >> 3), opcode);
        modRm(reg, rm, m, 1);
    }

    void narrow(int reg, Mem m, int... opcode) {
        int extensions = (reg >> 3) << 2 | m.indexBit() << 1 | m.base() >> 3;
        if (extensions != 0) {
            put(0x40 | extensions);
        }
        put(opcode);
        modRm(reg, 0, m, 1);
    }

    private void arithmetic(int extension, int rm, int value) {
        boolean small = value == (byte) value;
        scalar(small ? 0x83 : 0x81, extension, rm, null);
        if (small) {
            put(value);
        } else {
            put32(value);
        }
    }

    /** ModRM, SIB and offset. */
    private void modRm(int reg, int rm, @Nullable Mem m, int offsetScale) {
        int middle = (reg & 7) << 3;
        if (m == null) {
            put(0xC0 | middle | (rm & 7));
            return;
        }
        int small = m.offset() / offsetScale;
        boolean fits = m.offset() % offsetScale == 0 && small == (byte) small;
        // Base rbp or r13 without an offset means something else; base rsp or r12 always needs a SIB byte.
        int mode = m.offset() == 0 && (m.base() & 7) != RBP ? 0 : fits ? 0x40 : 0x80;
        if (m.isIndexed() || (m.base() & 7) == RSP) {
            int index = m.isIndexed() ? m.index() & 7 : RSP;
            int scale = Integer.numberOfTrailingZeros(m.scale());
            put(mode | middle | 4, scale << 6 | index << 3 | (m.base() & 7));
        } else {
            put(mode | middle | (m.base() & 7));
        }
        if (mode == 0x40) {
            put(small);
        }
        if (mode == 0x80) {
            put32(m.offset());
        }
    }
}
