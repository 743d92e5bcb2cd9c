package espalier.cuda.sim;

import java.util.HashMap;
import java.util.Map;

/**
 * Arithmetic: what each opcode does to 32 lanes, in tables by the opcode as it stands in the PTX (PTX ISA 9.7.1 to 9.7.9).
 *
 * <p>Registers of up to 32 bits live in int arrays (f32 as its bits, 16 bits zero-extended), 64-bit ones in long arrays,
 * predicates in one int, a bit a lane. All operations are pure: they compute every lane, also those that are masked off;
 * the decoder's bodies keep only the lanes that take part, so that the compiler can vectorise the loops. An opcode that
 * the kernels execute often is one loop over the lanes; a rare one is a function of one lane ({@link #each}).
 */
final class Alu {
    static final int LANES = 32;

    /** A 32-bit result of up to four sources. */
    interface IntOp {
        void run(int[] d, int[] a, int[] b, int[] c, int[] e);
    }

    /** A 64-bit result of up to three 64-bit sources (p, q, s) and two 32-bit ones (a, b). */
    interface LongOp {
        void run(long[] d, long[] p, long[] q, long[] s, int[] a, int[] b);
    }

    /** A 32-bit result of one 64-bit source. */
    interface NarrowOp {
        void run(int[] d, long[] p);
    }

    /** {@code sources}: the file of each source operand, q (64 bits) or i. */
    record LongForm(String sources, LongOp op) {}

    /** A comparison: a bit a lane. */
    interface IntTest {
        int run(int[] a, int[] b);
    }

    interface LongTest {
        int run(long[] a, long[] b);
    }

    interface LogicOp {
        int run(int a, int b);
    }

    /** What an atomic makes of the old value and its operand. */
    interface Update {
        long of(long old, long x);
    }

    interface One {
        int of(int a);
    }

    interface Two {
        int of(int a, int b);
    }

    interface Three {
        int of(int a, int b, int c);
    }

    static final Map<String, IntOp> INT = intOps();
    static final Map<String, LongForm> LONG = WideOps.results();
    static final Map<String, NarrowOp> NARROW = WideOps.narrow();
    static final Map<String, IntTest> TEST = Comparisons.ints();
    static final Map<String, LongTest> LONG_TEST = Comparisons.longs();
    static final Map<String, LogicOp> LOGIC = Comparisons.logic();
    static final Map<String, Update> ATOMIC = Comparisons.atomics();

    private Alu() {}

    private static Map<String, IntOp> intOps() {
        var table = new HashMap<String, IntOp>();
        IntegerOps.fill(table);
        FloatOps.fill(table);
        HalfOps.fill(table);
        return Map.copyOf(table);
    }

    /** Several spellings, separated by blanks, of one operation. */
    static <T> void put(Map<String, T> table, String names, T op) {
        for (String name : names.split(" ")) {
            if (table.put(name, op) != null) {
                throw new IllegalStateException("two operations for " + name);
            }
        }
    }

    static IntOp each(One f) {
        return (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) {
                d[l] = f.of(a[l]);
            }
        };
    }

    static IntOp each(Two f) {
        return (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) {
                d[l] = f.of(a[l], b[l]);
            }
        };
    }

    static IntOp each(Three f) {
        return (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) {
                d[l] = f.of(a[l], b[l], c[l]);
            }
        };
    }

    static long unsigned(int x) {
        return x & 0xffffffffL;
    }

    static float f(int bits) {
        return Float.intBitsToFloat(bits);
    }

    static int bits(float x) {
        return Float.floatToRawIntBits(x);
    }

    static float bf16(int bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** To nearest even; every NaN becomes 0x7fff, as cvt.rn.bf16x2.f32 makes it. */
    static int toBf16(float x) {
        int u = bits(x);
        return Float.isNaN(x) ? 0x7fff : u + 0x7fff + (u >>> 16 & 1) >>> 16;
    }

    static float half(int bits) {
        return Float.float16ToFloat((short) bits);
    }

    static int toHalf(float x) {
        return Float.isNaN(x) ? 0x7fff : Float.floatToFloat16(x) & 0xffff;
    }

    /** The other one where one is NaN. */
    static float max(float a, float b) {
        return Float.isNaN(a) ? b : Float.isNaN(b) ? a : Math.max(a, b);
    }

    static float min(float a, float b) {
        return Float.isNaN(a) ? b : Float.isNaN(b) ? a : Math.min(a, b);
    }
}
