package espalier.cuda.sim;

import static espalier.cuda.sim.Alu.LANES;
import static espalier.cuda.sim.Alu.each;
import static espalier.cuda.sim.Alu.put;
import static espalier.cuda.sim.Alu.unsigned;

import espalier.cuda.sim.Alu.IntOp;
import java.util.Map;

/** Integers of up to 32 bits (PTX ISA 9.7.1, 9.7.2, 9.7.8): arithmetic, logic, shifts, bit fields, moves. */
final class IntegerOps {
    private IntegerOps() {}

    static void fill(Map<String, IntOp> t) {
        moves(t);
        arithmetic(t);
        division(t);
        logic(t);
        fields(t);
        small(t);
    }

    private static void moves(Map<String, IntOp> t) {
        put(
                t,
                "mov.b32 mov.u32 mov.s32 mov.f32 cvt.u32.u32 cvt.s32.s32 cvt.u32.s32 cvt.s32.u32",
                (d, a, b, c, e) -> System.arraycopy(a, 0, d, 0, LANES));
        put(
                t,
                "mov.b16 mov.u16 mov.s16 cvt.u16.u32 cvt.u16.s32 cvt.s16.s32 cvt.s16.u32 cvt.u32.u16 cvt.s32.u16 cvt.u16.u16",
                (d, a, b, c, e) -> {
                    for (int l = 0; l < LANES; l++) d[l] = a[l] & 0xffff;
                });
        put(t, "cvt.s32.s16 cvt.u32.s16", each(a -> (int) (short) a));
        put(t, "cvt.s32.s8 cvt.u32.s8", each(a -> (int) (byte) a));
        put(t, "cvt.u32.u8 cvt.s32.u8 cvt.u16.u8 cvt.s16.u8", each(a -> a & 0xff));
        put(t, "cvt.u16.s8 cvt.s16.s8", each(a -> (byte) a & 0xffff));
        put(t, "cvt.u8.u32 cvt.u8.u16 cvt.u8.s32 cvt.u8.s16", each(a -> a & 0xff));
    }

    private static void arithmetic(Map<String, IntOp> t) {
        put(t, "add.s32 add.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] + b[l];
        });
        put(t, "sub.s32 sub.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] - b[l];
        });
        put(t, "mul.lo.s32 mul.lo.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] * b[l];
        });
        put(t, "mad.lo.s32 mad.lo.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] * b[l] + c[l];
        });
        put(t, "mul.hi.s32", each((int a, int b) -> (int) ((long) a * b >> 32)));
        put(t, "mul.hi.u32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = (int) (unsigned(a[l]) * unsigned(b[l]) >>> 32);
        });
        put(t, "mad.hi.u32", each((a, b, c) -> (int) (unsigned(a) * unsigned(b) >>> 32) + c));
        put(t, "mad.hi.s32", each((a, b, c) -> (int) ((long) a * b >> 32) + c));
        put(t, "mul24.lo.u32", each((int a, int b) -> (a & 0xffffff) * (b & 0xffffff)));
        put(t, "neg.s32", each(a -> -a));
        put(t, "abs.s32", each(a -> Math.abs(a)));
        put(t, "min.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = Math.min(a[l], b[l]);
        });
        put(t, "max.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = Math.max(a[l], b[l]);
        });
        put(t, "min.u32", each((int a, int b) -> Integer.compareUnsigned(a, b) < 0 ? a : b));
        put(t, "max.u32", each((int a, int b) -> Integer.compareUnsigned(a, b) > 0 ? a : b));
        put(t, "sad.u32", each((a, b, c) -> c + (Integer.compareUnsigned(a, b) < 0 ? b - a : a - b)));
        put(t, "sad.s32", each((a, b, c) -> c + Math.abs(a - b)));
        put(t, "dp4a.s32.s32", each((a, b, c) -> dot(a, b, c)));
        put(t, "dp4a.u32.u32", each((a, b, c) -> {
            for (int k = 0; k < 32; k += 8) {
                c += (a >>> k & 0xff) * (b >>> k & 0xff);
            }
            return c;
        }));
    }

    private static int dot(int a, int b, int c) {
        for (int k = 0; k < 32; k += 8) {
            c += (byte) (a >> k) * (byte) (b >> k);
        }
        return c;
    }

    /** By zero: all ones, and the dividend as the remainder, as the machine gives (PTX leaves it open). */
    private static void division(Map<String, IntOp> t) {
        put(t, "div.s32", each((int a, int b) -> b == 0 ? -1 : a / b));
        put(t, "div.u32", each((int a, int b) -> b == 0 ? -1 : Integer.divideUnsigned(a, b)));
        put(t, "rem.s32", each((int a, int b) -> b == 0 ? a : a % b));
        put(t, "rem.u32", each((int a, int b) -> b == 0 ? a : Integer.remainderUnsigned(a, b)));
    }

    private static int clamp(int shift) {
        return Integer.compareUnsigned(shift, 31) > 0 ? 31 : shift;
    }

    private static void logic(Map<String, IntOp> t) {
        put(t, "and.b32 and.b16", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] & b[l];
        });
        put(t, "or.b32 or.b16", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] | b[l];
        });
        put(t, "xor.b32 xor.b16", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] ^ b[l];
        });
        put(t, "not.b32", each(a -> ~a));
        put(t, "not.b16", each(a -> ~a & 0xffff));
        put(t, "shl.b32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = Integer.compareUnsigned(b[l], 31) > 0 ? 0 : a[l] << b[l];
        });
        put(t, "shr.u32 shr.b32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = Integer.compareUnsigned(b[l], 31) > 0 ? 0 : a[l] >>> b[l];
        });
        put(t, "shr.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] >> clamp(b[l]);
        });
        put(t, "shl.b16", each((int a, int b) -> Integer.compareUnsigned(b, 15) > 0 ? 0 : a << b & 0xffff));
        put(t, "shr.u16 shr.b16", each((int a, int b) -> Integer.compareUnsigned(b, 15) > 0 ? 0 : (a & 0xffff) >>> b));
        put(t, "shr.s16", each((int a, int b) -> (short) a >> clamp(b) & 0xffff));
        put(t, "shf.l.wrap.b32", each((a, b, c) -> funnel(a, b, 32 - (c & 31))));
        put(t, "shf.r.wrap.b32", each((a, b, c) -> funnel(a, b, c & 31)));
        put(t, "shf.l.clamp.b32", each((a, b, c) -> funnel(a, b, 32 - Math.min(c & 0x7fffffff, 32))));
        put(t, "shf.r.clamp.b32", each((a, b, c) -> funnel(a, b, Math.min(c & 0x7fffffff, 32))));
        for (int code = 0; code < 256; code++) {
            int table = code;
            put(t, "lop3.b32#" + code, each((a, b, c) -> lookup(a, b, c, table)));
        }
    }

    /** The lower word of b:a shifted to the right by 0 to 32. */
    private static int funnel(int a, int b, int shift) {
        return (int) (((long) b << 32 | unsigned(a)) >>> shift);
    }

    /** Bit by bit the entry a:b:c of the truth table. */
    private static int lookup(int a, int b, int c, int table) {
        int r = 0;
        for (int k = 0; k < 8; k++) {
            if ((table >> k & 1) != 0) {
                r |= ((k & 4) != 0 ? a : ~a) & ((k & 2) != 0 ? b : ~b) & ((k & 1) != 0 ? c : ~c);
            }
        }
        return r;
    }

    private static void fields(Map<String, IntOp> t) {
        put(t, "prmt.b32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = permute(a[l], b[l], c[l]);
        });
        put(t, "bfi.b32", (d, a, b, c, e) -> { // a's low e bits into b at bit c
            for (int l = 0; l < LANES; l++) {
                int field = (int) ((1L << Math.min(e[l] & 0xff, 32)) - 1 << (c[l] & 0xff));
                d[l] = b[l] & ~field | a[l] << c[l] & field;
            }
        });
        put(t, "bfe.u32", each((a, b, c) ->
                (int) (unsigned(a) >>> Math.min(b & 0xff, 32) & (1L << Math.min(c & 0xff, 32)) - 1)));
        put(t, "bfe.s32", each((a, b, c) -> {
            int at = b & 0xff, n = Math.min(c & 0xff, 32);
            return n == 0 ? 0 : (int) ((long) a << 64 - Math.min(at + n, 32) >> 64 - n);
        }));
        put(t, "brev.b32", each(a -> Integer.reverse(a)));
        put(t, "popc.b32", each(a -> Integer.bitCount(a)));
        put(t, "clz.b32", each(a -> Integer.numberOfLeadingZeros(a)));
        put(t, "bfind.u32", each(a -> 31 - Integer.numberOfLeadingZeros(a)));
        put(t, "bfind.shiftamt.u32", each(a -> a == 0 ? -1 : Integer.numberOfLeadingZeros(a)));
    }

    /** Bytes of b:a, or their sign if bit 3 of the selector's digit is set. */
    static int permute(int a, int b, int selector) {
        int r = 0;
        for (int k = 0; k < 4; k++) {
            int s = selector >>> 4 * k, x = (s & 4) == 0 ? a : b, v = x >>> (s & 3) * 8 & 0xff;
            r |= ((s & 8) == 0 ? v : v >> 7 != 0 ? 0xff : 0) << 8 * k;
        }
        return r;
    }

    private static void small(Map<String, IntOp> t) {
        put(t, "add.s16 add.u16", each((int a, int b) -> a + b & 0xffff));
        put(t, "sub.s16 sub.u16", each((int a, int b) -> a - b & 0xffff));
        put(t, "mul.lo.s16 mul.lo.u16", each((int a, int b) -> a * b & 0xffff));
        put(t, "mul.hi.u16", each((int a, int b) -> (a & 0xffff) * (b & 0xffff) >>> 16));
        put(t, "mul.hi.s16", each((int a, int b) -> (short) a * (short) b >> 16 & 0xffff));
        put(t, "mad.lo.s16 mad.lo.u16", each((a, b, c) -> a * b + c & 0xffff));
        put(t, "mul.wide.u16", each((int a, int b) -> (a & 0xffff) * (b & 0xffff)));
        put(t, "mul.wide.s16", each((int a, int b) -> (short) a * (short) b));
        put(t, "neg.s16", each(a -> -a & 0xffff));
        put(t, "min.s16", each((int a, int b) -> Math.min((short) a, (short) b) & 0xffff));
        put(t, "max.s16", each((int a, int b) -> Math.max((short) a, (short) b) & 0xffff));
        put(t, "min.u16", each((int a, int b) -> Math.min(a & 0xffff, b & 0xffff)));
        put(t, "max.u16", each((int a, int b) -> Math.max(a & 0xffff, b & 0xffff)));
    }
}
