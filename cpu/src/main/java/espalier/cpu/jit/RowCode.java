package espalier.cpu.jit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Rows by AVX-512: step by step as the Vector API's loops do it with vectors of 16, so with the same bits.
 *
 * <p>Once compiled well those loops are as fast. But in the first steps of a process they take longer than the products;
 * and where the compiler decides against inlining one of their small methods, every vector that passes through it is
 * an object from then on: a fifth of the processor's time went into memory for them.
 */
public final class RowCode implements RowOps {
    private static final int LANES = 16;
    private static final int ALL_LANES = 0xFFFF;
    private static final int MASK = 1;

    // The arguments of every kernel: rows, whole vectors, the lanes of the last one, and one of its own.
    private static final Row FIRST = new Row(Asm.RDI, 4);
    private static final Row SECOND = new Row(Asm.RSI, 4);
    private static final Row THIRD = new Row(Asm.RDX, 4);
    private static final int VECTORS = Asm.RCX;
    private static final int REST = Asm.R8;
    private static final int OWN = Asm.R9;
    private static final Row FOURTH = new Row(OWN, 4);

    /** Where the next vector of a row stands. */
    private record Row(int register, int elementBytes) {
        Mem next() {
            return Mem.at(register, 0).masked(MASK);
        }
    }

    /** Each lane's sum has a cache line of its own. */
    private static final int SUM_BYTES = 64;

    private final MemorySegment siluConstants;
    private final MemorySegment sums;
    private final Code.Kernel silu;
    private final Code.Kernel squares;
    private final Code.Kernel multiply;
    private final Code.Kernel add;
    private final Code.Kernel rotate;
    private final Code.Kernel round;

    /**
     * Emits the code, which lives as long as the arena; wants {@link Processor.Feature#AVX512}.
     *
     * @param lanes that may call at once
     */
    public RowCode(int lanes, Arena arena) {
        sums = arena.allocate((long) lanes * SUM_BYTES, SUM_BYTES);
        siluConstants = arena.allocateFrom(ValueLayout.JAVA_FLOAT, Silu.CONSTANTS);
        var asm = new Asm();
        int siluAt = silu(asm);
        int squaresAt = squares(asm);
        int multiplyAt = multiply(asm);
        int addAt = add(asm);
        int rotateAt = rotate(asm);
        int roundAt = round(asm);
        Code code = Code.load(asm, arena);
        silu = code.at(siluAt);
        squares = code.at(squaresAt);
        multiply = code.at(multiplyAt);
        add = code.at(addAt);
        rotate = code.at(rotateAt);
        round = code.at(roundAt);
    }

    @Override
    public float sumOfSquares(long x, int count, int lane) {
        long at = (long) lane * SUM_BYTES;
        run(squares, new Arguments(x, 0, 0, sums.address() + at), count);
        return sums.get(ValueLayout.JAVA_FLOAT, at);
    }

    @Override
    public void scale(long x, float scale, long weight, long out, int count) {
        run(multiply, new Arguments(x, weight, out, Float.floatToRawIntBits(scale)), count);
    }

    @Override
    public void add(long x, long y, int count) {
        run(add, new Arguments(x, y, 0, 0), count);
    }

    @Override
    public void siluMul(long gate, long up, long out, int count) {
        run(silu, new Arguments(gate, up, out, siluConstants.address()), count);
    }

    @Override
    public void rotate(long x, int half, long cosines, long sines) {
        run(rotate, new Arguments(x, x + 4L * half, cosines, sines), half);
    }

    @Override
    public void toBf16(long from, long to, int count) {
        run(round, new Arguments(from, to, 0, 0), count);
    }

    private record Arguments(long first, long second, long third, long own) {}

    private static void run(Code.Kernel kernel, Arguments a, int count) {
        kernel.call(a.first, a.second, a.third, count / LANES, (1L << count % LANES) - 1, a.own);
    }

    private static int silu(Asm asm) {
        int start = asm.begin("SiLU times up");
        Silu.loadConstants(asm);
        eachVector(
                asm, List.of(FIRST, SECOND, THIRD), () -> Silu.vector(asm, FIRST.next(), SECOND.next(), THIRD.next()));
        return end(asm, start);
    }

    /** Down each lane, then by a tree of neighbours. */
    private static int squares(Asm asm) {
        int start = asm.begin("sum of squares");
        asm.zmm(Op.VPXORD, 0, 0, 0);
        eachVector(asm, List.of(FIRST), () -> {
            asm.zmm(Op.VMOVUPS, 1, FIRST.next());
            asm.zmm(Op.VFMADD231PS, 0, 1, 1);
        });
        for (int order : new int[] {0xB1, 0x4E}) { // neighbours, then neighbouring pairs
            asm.zmm(Op.VPSHUFD, 1, 0, 0, new Asm.Constant(order));
            asm.zmm(Op.VADDPS, 0, 0, 1);
        }
        for (int order : new int[] {0xB1, 0x4E}) { // neighbouring quarters, then the halves
            asm.zmm(Op.VSHUFF32X4, 1, 0, 0, new Asm.Constant(order));
            asm.zmm(Op.VADDPS, 0, 0, 1);
        }
        asm.xmm(Op.VMOVD_STORE, 0, Mem.at(OWN, 0));
        return end(asm, start);
    }

    private static int multiply(Asm asm) {
        int start = asm.begin("row times number times weights");
        asm.zmm(Op.VPBROADCASTD_GENERAL, 2, OWN);
        eachVector(asm, List.of(FIRST, SECOND, THIRD), () -> {
            asm.zmm(Op.VMOVUPS, 0, FIRST.next());
            asm.zmm(Op.VMOVUPS, 1, SECOND.next());
            asm.zmm(Op.VMULPS, 0, 0, 2);
            asm.zmm(Op.VMULPS, 0, 0, 1);
            asm.zmm(Op.VMOVUPS_STORE, 0, THIRD.next());
        });
        return end(asm, start);
    }

    private static int add(Asm asm) {
        int start = asm.begin("row plus row");
        eachVector(asm, List.of(FIRST, SECOND), () -> {
            asm.zmm(Op.VMOVUPS, 0, FIRST.next());
            asm.zmm(Op.VMOVUPS, 1, SECOND.next());
            asm.zmm(Op.VADDPS, 0, 0, 1);
            asm.zmm(Op.VMOVUPS_STORE, 0, FIRST.next());
        });
        return end(asm, start);
    }

    private static int rotate(Asm asm) {
        int start = asm.begin("rotation of pairs");
        eachVector(asm, List.of(FIRST, SECOND, THIRD, FOURTH), () -> {
            asm.zmm(Op.VMOVUPS, 0, FIRST.next());
            asm.zmm(Op.VMOVUPS, 1, SECOND.next());
            asm.zmm(Op.VMOVUPS, 2, THIRD.next());
            asm.zmm(Op.VMOVUPS, 3, FOURTH.next());
            asm.zmm(Op.VMULPS, 4, 0, 2);
            asm.zmm(Op.VMULPS, 5, 1, 3);
            asm.zmm(Op.VSUBPS, 4, 4, 5);
            asm.zmm(Op.VMOVUPS_STORE, 4, FIRST.next());
            asm.zmm(Op.VMULPS, 4, 1, 2);
            asm.zmm(Op.VMULPS, 5, 0, 3);
            asm.zmm(Op.VADDPS, 4, 4, 5);
            asm.zmm(Op.VMOVUPS_STORE, 4, SECOND.next());
        });
        return end(asm, start);
    }

    private static int round(Asm asm) {
        int start = asm.begin("row to bf16");
        int[] constants = {1, 0x7FFF, 0x400000, 0x7FFFFFFF, 0x7F800000};
        for (int i = 0; i < constants.length; i++) {
            asm.constant(Asm.RAX, constants[i]);
            asm.zmm(Op.VPBROADCASTD_GENERAL, 16 + i, Asm.RAX);
        }
        var to = new Row(SECOND.register, 2);
        eachVector(asm, List.of(FIRST, to), () -> {
            asm.zmm(Op.VMOVUPS, 0, FIRST.next());
            asm.zmm(Op.VPSRLD, 1, 0, 0, new Asm.Constant(16));
            asm.zmm(Op.VPANDD, 1, 1, 16);
            asm.zmm(Op.VPADDD, 1, 1, 0);
            asm.zmm(Op.VPADDD, 1, 1, 17);
            asm.zmm(Op.VPORD, 2, 0, 18);
            asm.zmm(Op.VPANDD, 3, 0, 19);
            asm.zmm(Op.VPSUBD, 3, 20, 3);
            asm.zmm(Op.VPSRAD, 3, 0, 3, new Asm.Constant(31)); // all ones for a NaN
            asm.zmm(Op.VPXORD, 2, 2, 1);
            asm.zmm(Op.VPANDD, 2, 2, 3);
            asm.zmm(Op.VPXORD, 1, 1, 2);
            asm.zmm(Op.VPSRLD, 1, 0, 1, new Asm.Constant(16));
            asm.zmm(Op.VPMOVDW_STORE, 1, to.next());
        });
        return end(asm, start);
    }

    private static int end(Asm asm, int start) {
        asm.vzeroupper();
        asm.ret();
        return start;
    }

    /** The whole vectors, then what is left of the last, by one body that reads and writes under {@link #MASK}. */
    private static void eachVector(Asm asm, List<Row> rows, Runnable body) {
        asm.constant(Asm.RAX, ALL_LANES);
        asm.kmovw(MASK, Asm.RAX);
        int next = asm.position();
        asm.cmp(VECTORS, new Asm.Constant(0));
        Asm.Jump last = asm.jump(Asm.Condition.EQUAL);
        body.run();
        for (Row row : rows) {
            asm.add(row.register, new Asm.Constant(row.elementBytes * LANES));
        }
        asm.sub(VECTORS, new Asm.Constant(1));
        asm.cmp(VECTORS, VECTORS);
        asm.jump(Asm.Condition.EQUAL, next);
        asm.land(last);
        asm.cmp(REST, new Asm.Constant(0));
        Asm.Jump done = asm.jump(Asm.Condition.EQUAL);
        asm.mov(Asm.RAX, REST);
        asm.kmovw(MASK, Asm.RAX);
        body.run();
        asm.land(done);
    }
}
