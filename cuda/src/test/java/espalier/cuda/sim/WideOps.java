package espalier.cuda.sim;

import static espalier.cuda.sim.Alu.LANES;
import static espalier.cuda.sim.Alu.bits;
import static espalier.cuda.sim.Alu.f;
import static espalier.cuda.sim.Alu.put;
import static espalier.cuda.sim.Alu.unsigned;
import static java.lang.Double.doubleToRawLongBits;
import static java.lang.Double.longBitsToDouble;

import espalier.cuda.sim.Alu.LongForm;
import espalier.cuda.sim.Alu.LongOp;
import espalier.cuda.sim.Alu.NarrowOp;
import java.util.HashMap;
import java.util.Map;

/** 64-bit integers and f64: results of 64 bits, and the 32-bit results of one 64-bit source. */
final class WideOps {
    private interface One {
        long of(long p);
    }

    private interface Two {
        long of(long p, long q);
    }

    private interface Three {
        long of(long p, long q, long s);
    }

    private interface Doubles {
        double of(double p, double q);
    }

    private interface FromInt {
        long of(int a);
    }

    private interface ToInt {
        int of(long p);
    }

    private WideOps() {}

    private static void put64(Map<String, LongForm> t, String names, String sources, LongOp op) {
        put(t, names, new LongForm(sources, op));
    }

    static Map<String, LongForm> results() {
        var t = new HashMap<String, LongForm>();
        integers(t);
        widening(t);
        shifts(t);
        doubles(t);
        return Map.copyOf(t);
    }

    private static void integers(Map<String, LongForm> t) {
        put64(
                t,
                "mov.b64 mov.u64 mov.s64 mov.f64 cvta.to.global.u64 cvta.global.u64 cvt.u64.u64 cvt.s64.s64",
                "q",
                (d, p, q, s, a, b) -> System.arraycopy(p, 0, d, 0, LANES));
        put64(t, "add.s64 add.u64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = p[l] + q[l];
        });
        put64(t, "sub.s64 sub.u64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = p[l] - q[l];
        });
        put64(t, "mul.lo.s64 mul.lo.u64", "qq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = p[l] * q[l];
        });
        put64(t, "mad.lo.s64 mad.lo.u64", "qqq", three((p, q, s) -> p * q + s));
        put64(t, "mul.hi.u64", "qq", two(Math::unsignedMultiplyHigh));
        put64(t, "mul.hi.s64", "qq", two(Math::multiplyHigh));
        put64(t, "div.s64", "qq", two((p, q) -> q == 0 ? -1 : p / q));
        put64(t, "div.u64", "qq", two((p, q) -> q == 0 ? -1 : Long.divideUnsigned(p, q)));
        put64(t, "rem.s64", "qq", two((p, q) -> q == 0 ? p : p % q));
        put64(t, "rem.u64", "qq", two((p, q) -> q == 0 ? p : Long.remainderUnsigned(p, q)));
        put64(t, "min.s64", "qq", two(Math::min));
        put64(t, "max.s64", "qq", two(Math::max));
        put64(t, "min.u64", "qq", two((p, q) -> Long.compareUnsigned(p, q) < 0 ? p : q));
        put64(t, "max.u64", "qq", two((p, q) -> Long.compareUnsigned(p, q) > 0 ? p : q));
        put64(t, "neg.s64", "q", one(p -> -p));
        put64(t, "abs.s64", "q", one(Math::abs));
        put64(t, "not.b64", "q", one(p -> ~p));
        put64(t, "brev.b64", "q", one(Long::reverse));
        put64(t, "and.b64", "qq", two((p, q) -> p & q));
        put64(t, "or.b64", "qq", two((p, q) -> p | q));
        put64(t, "xor.b64", "qq", two((p, q) -> p ^ q));
    }

    private static void widening(Map<String, LongForm> t) {
        put64(t, "cvt.s64.s32 cvt.u64.s32", "i", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l];
        });
        put64(t, "cvt.u64.u32 cvt.s64.u32", "i", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = unsigned(a[l]);
        });
        put64(t, "cvt.u64.u16 cvt.s64.u16", "i", fromInt(a -> a & 0xffff));
        put64(t, "cvt.s64.s16 cvt.u64.s16", "i", fromInt(a -> (short) a));
        put64(t, "cvt.u64.u8 cvt.s64.u8", "i", fromInt(a -> a & 0xff));
        put64(t, "cvt.s64.s8", "q", one(p -> (byte) p));
        put64(t, "mul.wide.s32", "ii", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = (long) a[l] * b[l];
        });
        put64(t, "mul.wide.u32", "ii", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = unsigned(a[l]) * unsigned(b[l]);
        });
        put64(t, "mad.wide.s32", "iiq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = (long) a[l] * b[l] + p[l];
        });
        put64(t, "mad.wide.u32", "iiq", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = unsigned(a[l]) * unsigned(b[l]) + p[l];
        });
        put64(t, "cvt.rn.f64.s32", "i", fromInt(a -> doubleToRawLongBits(a)));
        put64(t, "cvt.rn.f64.u32", "i", fromInt(a -> doubleToRawLongBits(unsigned(a))));
        put64(t, "cvt.f64.f32 cvt.ftz.f64.f32", "i", fromInt(a -> doubleToRawLongBits(f(a))));
        put64(t, "cvt.rzi.s64.f32", "i", fromInt(a -> (long) f(a)));
        put64(t, "cvt.rzi.u64.f32", "i", fromInt(a -> (long) Math.max(f(a), 0)));
    }

    private static void shifts(Map<String, LongForm> t) {
        put64(t, "shl.b64", "qi", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = Integer.compareUnsigned(a[l], 63) > 0 ? 0 : p[l] << a[l];
        });
        put64(t, "shr.u64 shr.b64", "qi", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = Integer.compareUnsigned(a[l], 63) > 0 ? 0 : p[l] >>> a[l];
        });
        put64(t, "shr.s64", "qi", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = p[l] >> (Integer.compareUnsigned(a[l], 63) > 0 ? 63 : a[l]);
        });
        put64(t, "bfi.b64", "qqii", (d, p, q, s, a, b) -> { // p's low b bits into q at bit a
            for (int l = 0; l < 32; l++) {
                int at = Math.min(a[l] & 0xff, 64), n = Math.min(b[l] & 0xff, 64 - at);
                long mask = n == 0 ? 0 : -1L >>> 64 - n << at;
                d[l] = n == 0 ? q[l] : q[l] & ~mask | p[l] << at & mask;
            }
        });
        put64(t, "bfe.u64", "qii", (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) {
                int at = Math.min(a[l] & 0xff, 64), n = Math.min(b[l] & 0xff, 64);
                d[l] = (at == 64 ? 0 : p[l] >>> at) & (n == 64 ? -1 : (1L << n) - 1);
            }
        });
    }

    private static void doubles(Map<String, LongForm> t) {
        put64(t, "add.f64 add.rn.f64", "qq", real((p, q) -> p + q));
        put64(t, "sub.f64 sub.rn.f64", "qq", real((p, q) -> p - q));
        put64(t, "mul.f64 mul.rn.f64", "qq", real((p, q) -> p * q));
        put64(t, "div.rn.f64", "qq", real((p, q) -> p / q));
        put64(t, "max.f64", "qq", real((p, q) -> Double.isNaN(p) ? q : Double.isNaN(q) ? p : Math.max(p, q)));
        put64(t, "min.f64", "qq", real((p, q) -> Double.isNaN(p) ? q : Double.isNaN(q) ? p : Math.min(p, q)));
        put64(t, "sqrt.rn.f64", "q", real((p, q) -> Math.sqrt(p)));
        put64(t, "rcp.rn.f64", "q", real((p, q) -> 1 / p));
        put64(t, "neg.f64", "q", one(p -> p ^ Long.MIN_VALUE));
        put64(t, "abs.f64", "q", one(p -> p & Long.MAX_VALUE));
        put64(
                t,
                "fma.rn.f64",
                "qqq",
                three((p, q, s) ->
                        doubleToRawLongBits(Math.fma(longBitsToDouble(p), longBitsToDouble(q), longBitsToDouble(s)))));
        put64(t, "cvt.rn.f64.s64", "q", one(p -> doubleToRawLongBits(p)));
        put64(t, "cvt.rzi.s64.f64", "q", one(p -> (long) longBitsToDouble(p)));
        put64(t, "cvt.rmi.f64.f64", "q", one(p -> doubleToRawLongBits(Math.floor(longBitsToDouble(p)))));
        put64(t, "cvt.rni.f64.f64", "q", one(p -> doubleToRawLongBits(Math.rint(longBitsToDouble(p)))));
    }

    static Map<String, NarrowOp> narrow() {
        var t = new HashMap<String, NarrowOp>();
        put(t, "cvt.u32.u64 cvt.s32.s64 cvt.u32.s64 cvt.s32.u64", toInt(p -> (int) p));
        put(t, "cvt.u16.u64 cvt.u16.s64 cvt.s16.s64 cvt.s16.u64", toInt(p -> (int) p & 0xffff));
        put(t, "cvt.u8.u64 cvt.u8.s64", toInt(p -> (int) p & 0xff));
        put(t, "popc.b64", toInt(Long::bitCount));
        put(t, "clz.b64", toInt(Long::numberOfLeadingZeros));
        put(t, "cvt.rn.f32.f64", toInt(p -> bits((float) longBitsToDouble(p))));
        put(t, "cvt.rn.f32.s64", toInt(p -> bits((float) p)));
        put(t, "cvt.rn.f32.u64", toInt(p -> bits(unsignedFloat(p))));
        put(t, "cvt.rzi.s32.f64", toInt(p -> (int) longBitsToDouble(p)));
        put(t, "cvt.rni.s32.f64", toInt(p -> (int) Math.rint(longBitsToDouble(p))));
        put(t, "cvt.rzi.u32.f64", toInt(p -> (int) FloatOps.clamped(longBitsToDouble(p), 0, 0xffffffffL)));
        return Map.copyOf(t);
    }

    private static float unsignedFloat(long p) {
        return p >= 0 ? (float) p : new java.math.BigDecimal(Long.toUnsignedString(p)).floatValue();
    }

    private static LongOp one(One f) {
        return (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = f.of(p[l]);
        };
    }

    private static LongOp two(Two f) {
        return (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = f.of(p[l], q[l]);
        };
    }

    private static LongOp three(Three f) {
        return (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = f.of(p[l], q[l], s[l]);
        };
    }

    private static LongOp real(Doubles f) {
        return two((p, q) -> doubleToRawLongBits(f.of(longBitsToDouble(p), longBitsToDouble(q))));
    }

    private static LongOp fromInt(FromInt f) {
        return (d, p, q, s, a, b) -> {
            for (int l = 0; l < LANES; l++) d[l] = f.of(a[l]);
        };
    }

    private static NarrowOp toInt(ToInt f) {
        return (d, p) -> {
            for (int l = 0; l < LANES; l++) d[l] = f.of(p[l]);
        };
    }
}
