package espalier.cuda.sim;

import java.util.HashMap;
import java.util.Map;

/**
 * Arithmetic: one loop over the 32 lanes for each opcode (PTX ISA 9.7.1 to 9.7.9: integer, floating point, comparison,
 * logic, conversion), in tables by the opcode as it stands in the PTX.
 *
 * <p>All loops are pure: they compute every lane, also those that are masked off; {@link Instruction} keeps only the
 * lanes that take part. Registers of up to 32 bits live in int arrays (f32 as its bits, 16 bits zero-extended), 64-bit
 * ones in long arrays, predicates in one int, a bit a lane. Not modelled: denormal flushing (.ftz), the exact
 * approximation errors of ex2/rsqrt/rcp/lg2, rounding modes other than .rn and .rz.
 */
final class Alu {
    interface IntOp {
        void run(int[] d, int[] a, int[] b, int[] c, int[] e);
    }
    /** Up to three 64-bit sources (p, q, s) and two 32-bit ones (a, b). */
    interface LongOp {
        void run(long[] d, long[] p, long[] q, long[] s, int[] a, int[] b);
    }

    record LongForm(String sources, LongOp op) {}

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
        int of(int old, int x);
    }

    static final Map<String, IntOp> INT = new HashMap<>();
    static final Map<String, LongForm> LONG = new HashMap<>();
    static final Map<String, IntTest> TEST = new HashMap<>();
    static final Map<String, LongTest> LONG_TEST = new HashMap<>();
    static final Map<String, LogicOp> LOGIC = new HashMap<>();
    static final Map<String, Update> ATOMIC = new HashMap<>();
    private static final double LN2 = 0.6931471805599453;
    private static final int N = 32;

    private Alu() {}

    private static <T> void put(Map<String, T> table, String names, T op) {
        for (String name : names.split(" ")) table.put(name, op);
    }

    private static void i(String names, IntOp op) {
        put(INT, names, op);
    }

    private static void q(String names, String sources, LongOp op) {
        put(LONG, names, new LongForm(sources, op));
    }

    private static long unsigned(int x) {
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
    /** Float to bf16, to nearest even; every NaN becomes 0x7fff, as in cvt.rn.bf16x2.f32. */
    static int toBf16(float x) {
        int u = bits(x);
        return x != x ? 0x7fff : u + 0x7fff + (u >>> 16 & 1) >>> 16;
    }

    private static float max(float a, float b) {
        return a != a ? b : b != b ? a : Math.max(a, b);
    }

    private static float min(float a, float b) {
        return a != a ? b : b != b ? a : Math.min(a, b);
    }

    private static int clamp(int shift) {
        return Integer.compareUnsigned(shift, 31) > 0 ? 31 : shift;
    }

    private static int permute(int a, int b, int selector) { // bytes of b:a, or their sign if bit 3 is set
        int r = 0;
        for (int k = 0; k < 4; k++) {
            int s = selector >>> 4 * k, x = (s & 4) == 0 ? a : b, v = x >>> (s & 3) * 8 & 0xff;
            r |= ((s & 8) == 0 ? v : v >> 7 != 0 ? 0xff : 0) << 8 * k;
        }
        return r;
    }

    static { // 32-bit integers
        i(
                "mov.b32 mov.u32 mov.s32 mov.f32 cvt.u32.u32 cvt.s32.s32 cvt.u32.s32 cvt.s32.u32",
                (d, a, b, c, e) -> System.arraycopy(a, 0, d, 0, N));
        i("mov.b16 mov.u16 mov.s16 cvt.u16.u32 cvt.u16.s32 cvt.u32.u16 cvt.s32.u16 cvt.u16.u16", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] & 0xffff;
        });
        i("add.s32 add.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] + b[l];
        });
        i("sub.s32 sub.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] - b[l];
        });
        i("mul.lo.s32 mul.lo.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] * b[l];
        });
        i("mul.hi.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = (int) ((long) a[l] * b[l] >> 32);
        });
        i("mul.lo.s16 mul.lo.u16", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] * b[l] & 0xffff;
        });
        i("mul.wide.u16", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = (a[l] & 0xffff) * (b[l] & 0xffff);
        });
        i("prmt.b32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = permute(a[l], b[l], c[l]);
        });
        i("mul.hi.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = (int) (unsigned(a[l]) * unsigned(b[l]) >>> 32);
        });
        i("mad.lo.s32 mad.lo.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] * b[l] + c[l];
        });
        i("div.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = b[l] == 0 ? -1 : a[l] / b[l];
        });
        i("div.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = b[l] == 0 ? -1 : Integer.divideUnsigned(a[l], b[l]);
        });
        i("rem.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = b[l] == 0 ? a[l] : a[l] % b[l];
        });
        i("rem.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = b[l] == 0 ? a[l] : Integer.remainderUnsigned(a[l], b[l]);
        });
        i("min.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = Math.min(a[l], b[l]);
        });
        i("max.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = Math.max(a[l], b[l]);
        });
        i("min.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = Integer.compareUnsigned(a[l], b[l]) < 0 ? a[l] : b[l];
        });
        i("max.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = Integer.compareUnsigned(a[l], b[l]) > 0 ? a[l] : b[l];
        });
        i("neg.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = -a[l];
        });
        i("and.b32 and.b16", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] & b[l];
        });
        i("or.b32 or.b16", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] | b[l];
        });
        i("xor.b32 xor.b16", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] ^ b[l];
        });
        i("not.b32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = ~a[l];
        });
        i("shl.b32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = Integer.compareUnsigned(b[l], 31) > 0 ? 0 : a[l] << b[l];
        });
        i("shr.u32 shr.b32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = Integer.compareUnsigned(b[l], 31) > 0 ? 0 : a[l] >>> b[l];
        });
        i("shr.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] >> clamp(b[l]);
        });
        i("bfi.b32", (d, a, b, c, e) -> { // a's low e bits into b at bit c
            for (int l = 0; l < N; l++) {
                int field = (int) ((1L << Math.min(e[l] & 0xff, 32)) - 1 << (c[l] & 0xff));
                d[l] = b[l] & ~field | a[l] << c[l] & field;
            }
        });
    }

    static { // f32 and conversions
        i("add.f32 add.rn.f32 add.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(f(a[l]) + f(b[l]));
        });
        i("sub.f32 sub.rn.f32 sub.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(f(a[l]) - f(b[l]));
        });
        i("mul.f32 mul.rn.f32 mul.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(f(a[l]) * f(b[l]));
        });
        i("fma.rn.f32 fma.rn.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(Math.fma(f(a[l]), f(b[l]), f(c[l])));
        });
        i("div.rn.f32 div.approx.f32 div.full.f32 div.approx.ftz.f32 div.full.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(f(a[l]) / f(b[l]));
        });
        i("max.f32 max.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(max(f(a[l]), f(b[l])));
        });
        i("min.f32 min.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(min(f(a[l]), f(b[l])));
        });
        i("neg.f32 neg.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = a[l] ^ 0x80000000;
        });
        i("ex2.approx.f32 ex2.approx.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits((float) Math.exp(f(a[l]) * LN2));
        });
        i("rsqrt.approx.f32 rsqrt.approx.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits((float) (1 / Math.sqrt(f(a[l]))));
        });
        i("sqrt.rn.f32 sqrt.approx.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits((float) Math.sqrt(f(a[l])));
        });
        i("rcp.rn.f32 rcp.approx.ftz.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(1 / f(a[l]));
        });
        i("tanh.approx.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits((float) Math.tanh(f(a[l])));
        });
        i("cvt.rn.f32.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(a[l]);
        });
        i(
                "cvt.rn.bf16x2.f32", // the first source is the upper half
                (d, a, b, c, e) -> {
                    for (int l = 0; l < N; l++) d[l] = toBf16(f(a[l])) << 16 | toBf16(f(b[l]));
                });
        i("cvt.rn.f16x2.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) {
                d[l] = Float.floatToFloat16(f(a[l])) << 16 | Float.floatToFloat16(f(b[l])) & 0xffff;
            }
        });
        i("cvt.f32.f16", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = bits(Float.float16ToFloat((short) a[l]));
        });
        i("cvt.rn.f16.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < N; l++) d[l] = Float.floatToFloat16(f(a[l])) & 0xffff;
        });
    }

    static { // 64-bit results; the signature says which file each source is in
        q(
                "mov.b64 mov.u64 mov.s64 cvta.to.global.u64 cvta.param.u64",
                "q",
                (d, p, q, s, a, b) -> System.arraycopy(p, 0, d, 0, N));
        q("add.s64 add.u64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = p[l] + q[l];
        });
        q("sub.s64 sub.u64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = p[l] - q[l];
        });
        q("mul.lo.s64 mul.lo.u64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = p[l] * q[l];
        });
        q("mad.lo.s64 mad.lo.u64", "qqq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = p[l] * q[l] + s[l];
        });
        q("and.b64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = p[l] & q[l];
        });
        q("or.b64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = p[l] | q[l];
        });
        q("xor.b64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = p[l] ^ q[l];
        });
        q("shl.b64", "qi", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = Integer.compareUnsigned(a[l], 63) > 0 ? 0 : p[l] << a[l];
        });
        q("shr.u64 shr.b64", "qi", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = Integer.compareUnsigned(a[l], 63) > 0 ? 0 : p[l] >>> a[l];
        });
        q("cvt.s64.s32", "i", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = a[l];
        });
        q("cvt.u64.u32 cvt.s64.u32", "i", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = unsigned(a[l]);
        });
        q("mul.wide.s32", "ii", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = (long) a[l] * b[l];
        });
        q("mul.wide.u32", "ii", (d, p, q, s, a, b) -> {
            for (int l = 0; l < N; l++) d[l] = unsigned(a[l]) * unsigned(b[l]);
        });
    }

    private static int bit(boolean b, int l) {
        return b ? 1 << l : 0;
    }

    static { // comparisons: a bit a lane
        put(TEST, "eq.s32 eq.u32 eq.b32 eq.b16 eq.u16 eq.s16", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] == b[l], l);
            return m;
        });
        put(TEST, "ne.s32 ne.u32 ne.b32 ne.b16 ne.u16 ne.s16", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] != b[l], l);
            return m;
        });
        put(TEST, "lt.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] < b[l], l);
            return m;
        });
        put(TEST, "le.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] <= b[l], l);
            return m;
        });
        put(TEST, "gt.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] > b[l], l);
            return m;
        });
        put(TEST, "ge.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] >= b[l], l);
            return m;
        });
        put(TEST, "lt.u32 lo.u32", (a, b) -> unsigned(a, b, -1, -1));
        put(TEST, "le.u32 ls.u32", (a, b) -> unsigned(a, b, -1, 0));
        put(TEST, "gt.u32 hi.u32", (a, b) -> unsigned(a, b, 1, 1));
        put(TEST, "ge.u32 hs.u32", (a, b) -> unsigned(a, b, 0, 1));
        put(TEST, "eq.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(f(a[l]) == f(b[l]), l);
            return m;
        });
        put(TEST, "neu.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(f(a[l]) != f(b[l]), l);
            return m;
        });
        put(TEST, "lt.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(f(a[l]) < f(b[l]), l);
            return m;
        });
        put(TEST, "le.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(f(a[l]) <= f(b[l]), l);
            return m;
        });
        put(TEST, "gt.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(f(a[l]) > f(b[l]), l);
            return m;
        });
        put(TEST, "ge.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(f(a[l]) >= f(b[l]), l);
            return m;
        });
        put(TEST, "leu.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(!(f(a[l]) > f(b[l])), l);
            return m;
        });
        put(TEST, "gtu.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(!(f(a[l]) <= f(b[l])), l);
            return m;
        });
        put(TEST, "ltu.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(!(f(a[l]) >= f(b[l])), l);
            return m;
        });
        put(TEST, "geu.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(!(f(a[l]) < f(b[l])), l);
            return m;
        });
        put(TEST, "nan.f32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(f(a[l]) != f(a[l]) || f(b[l]) != f(b[l]), l);
            return m;
        });
        put(LONG_TEST, "eq.s64 eq.u64 eq.b64", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] == b[l], l);
            return m;
        });
        put(LONG_TEST, "ne.s64 ne.u64 ne.b64", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] != b[l], l);
            return m;
        });
        put(LONG_TEST, "lt.s64", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] < b[l], l);
            return m;
        });
        put(LONG_TEST, "le.s64", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] <= b[l], l);
            return m;
        });
        put(LONG_TEST, "gt.s64", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] > b[l], l);
            return m;
        });
        put(LONG_TEST, "ge.s64", (a, b) -> {
            int m = 0;
            for (int l = 0; l < N; l++) m |= bit(a[l] >= b[l], l);
            return m;
        });
        put(LONG_TEST, "lt.u64 lo.u64", (a, b) -> unsigned(a, b, -1, -1));
        put(LONG_TEST, "le.u64 ls.u64", (a, b) -> unsigned(a, b, -1, 0));
        put(LONG_TEST, "gt.u64 hi.u64", (a, b) -> unsigned(a, b, 1, 1));
        put(LONG_TEST, "ge.u64 hs.u64", (a, b) -> unsigned(a, b, 0, 1));
        put(ATOMIC, "add.u32 add.s32", (old, x) -> old + x);
        put(ATOMIC, "exch.b32", (old, x) -> x);
        put(ATOMIC, "and.b32", (old, x) -> old & x);
        put(ATOMIC, "or.b32", (old, x) -> old | x);
        put(ATOMIC, "min.s32", Math::min);
        put(ATOMIC, "max.s32", Math::max);
        put(ATOMIC, "min.u32", (old, x) -> Integer.compareUnsigned(old, x) < 0 ? old : x);
        put(ATOMIC, "max.u32", (old, x) -> Integer.compareUnsigned(old, x) > 0 ? old : x);
        put(ATOMIC, "inc.u32", (old, x) -> Integer.compareUnsigned(old, x) >= 0 ? 0 : old + 1);
        put(LOGIC, "and.pred", (a, b) -> a & b);
        put(LOGIC, "or.pred", (a, b) -> a | b);
        put(LOGIC, "xor.pred", (a, b) -> a ^ b);
        put(LOGIC, "not.pred", (a, b) -> ~a);
        put(LOGIC, "mov.pred", (a, b) -> a);
    }

    private static int unsigned(long[] a, long[] b, int low, int high) {
        int m = 0;
        for (int l = 0; l < N; l++) {
            int s = Integer.signum(Long.compareUnsigned(a[l], b[l]));
            m |= bit(s >= low && s <= high, l);
        }
        return m;
    }

    private static int unsigned(int[] a, int[] b, int low, int high) { // low <= sign of the comparison <= high
        int m = 0;
        for (int l = 0; l < N; l++) {
            int s = Integer.signum(Integer.compareUnsigned(a[l], b[l]));
            m |= bit(s >= low && s <= high, l);
        }
        return m;
    }
}
