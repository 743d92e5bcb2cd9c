package espalier.cuda.sim;

import static espalier.cuda.sim.Alu.LANES;
import static espalier.cuda.sim.Alu.bf16;
import static espalier.cuda.sim.Alu.bits;
import static espalier.cuda.sim.Alu.each;
import static espalier.cuda.sim.Alu.f;
import static espalier.cuda.sim.Alu.half;
import static espalier.cuda.sim.Alu.put;
import static espalier.cuda.sim.Alu.toBf16;
import static espalier.cuda.sim.Alu.toHalf;

import espalier.cuda.sim.Alu.IntOp;
import java.util.Map;

/**
 * Numbers of 16 and 8 bits (PTX ISA 9.7.4, 9.7.9.21 cvt): fp16 and bf16 alone and in pairs, fp8 (e4m3, e5m2). Each is
 * computed in f32 or, for products with a sum, in double, and rounded once: 11 bits times 11 bits are exact there.
 */
final class HalfOps {
    private interface Binary {
        double of(double a, double b);
    }

    /** A format of 16 bits. */
    private enum Format {
        F16("f16"),
        BF16("bf16");

        final String name;

        Format(String name) {
            this.name = name;
        }

        float value(int bits) {
            return this == F16 ? half(bits) : bf16(bits & 0xffff);
        }

        int of(double x) {
            return this == F16 ? roundHalf(x) : roundBf16(x);
        }
    }

    private HalfOps() {}

    static void fill(Map<String, IntOp> t) {
        for (Format format : Format.values()) {
            arithmetic(t, format);
            signs(t, format);
            conversions(t, format);
        }
        put(t, "cvt.rn.bf16x2.f32", (d, a, b, c, e) -> { // the first source is the upper half
            for (int l = 0; l < LANES; l++) d[l] = toBf16(f(a[l])) << 16 | toBf16(f(b[l]));
        });
        put(t, "cvt.rn.f16x2.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = toHalf(f(a[l])) << 16 | toHalf(f(b[l]));
        });
        put(
                t,
                "cvt.rn.relu.bf16x2.f32",
                each((int a, int b) -> toBf16(Math.max(f(a), 0)) << 16 | toBf16(Math.max(f(b), 0))));
        put(t, "cvt.rz.bf16x2.f32", each((int a, int b) -> a & 0xffff0000 | b >>> 16));
        put(t, "cvt.rz.bf16.f32", each(a -> a >>> 16));
        put(t, "cvt.rna.tf32.f32", each(a -> a + 0x1000 & 0xffffe000));
        fp8(t);
    }

    private static void arithmetic(Map<String, IntOp> t, Format s) {
        two(t, s, "add", (a, b) -> a + b);
        two(t, s, "sub", (a, b) -> a - b);
        two(t, s, "mul", (a, b) -> a * b);
        two(t, s, "add.rn", (a, b) -> a + b);
        two(t, s, "sub.rn", (a, b) -> a - b);
        two(t, s, "mul.rn", (a, b) -> a * b);
        two(t, s, "max", (a, b) -> Alu.max((float) a, (float) b));
        two(t, s, "min", (a, b) -> Alu.min((float) a, (float) b));
        two(t, s, "max.NaN", Math::max);
        two(t, s, "min.NaN", Math::min);
        put(t, "fma.rn." + s.name, each((a, b, c) -> fma(s, a, b, c)));
        put(
                t,
                "fma.rn." + s.name + "x2",
                each((a, b, c) -> fma(s, a, b, c) | fma(s, a >>> 16, b >>> 16, c >>> 16) << 16));
        put(
                t,
                "fma.rn.relu." + s.name + "x2",
                each((a, b, c) -> relu(s, fma(s, a, b, c)) | relu(s, fma(s, a >>> 16, b >>> 16, c >>> 16)) << 16));
        one(t, s, "ex2.approx", x -> Math.exp(x * 0.6931471805599453), Math.pow(2, s == Format.F16 ? -9.9 : -7));
        one(t, s, "tanh.approx", Math::tanh, Math.pow(2, s == Format.F16 ? -10.987 : -8));
    }

    private static int relu(Format s, int x) {
        return s.value(x) > 0 ? x : 0;
    }

    private static int fma(Format s, int a, int b, int c) {
        return s.of((double) s.value(a) * s.value(b) + s.value(c));
    }

    private static void two(Map<String, IntOp> t, Format s, String op, Binary f) {
        put(t, op + "." + s.name, each((int a, int b) -> s.of(f.of(s.value(a), s.value(b)))));
        put(
                t,
                op + "." + s.name + "x2",
                each((int a, int b) ->
                        s.of(f.of(s.value(a), s.value(b))) | s.of(f.of(s.value(a >>> 16), s.value(b >>> 16))) << 16));
    }

    /** With an error as {@link FloatOps} has it. */
    private static void one(
            Map<String, IntOp> t, Format s, String op, java.util.function.DoubleUnaryOperator f, double bound) {
        Alu.One of = a -> s.of(FloatOps.off(f.applyAsDouble(s.value(a)), a & 0xffff, bound));
        for (String name : s == Format.BF16 ? new String[] {op, op + ".ftz"} : new String[] {op}) {
            put(t, name + "." + s.name, each(of));
            put(t, name + "." + s.name + "x2", each(a -> of.of(a) | of.of(a >>> 16) << 16));
        }
    }

    private static void signs(Map<String, IntOp> t, Format s) {
        put(t, "neg." + s.name, each(a -> (a ^ 0x8000) & 0xffff));
        put(t, "abs." + s.name, each(a -> a & 0x7fff));
        put(t, "neg." + s.name + "x2", each(a -> a ^ 0x80008000));
        put(t, "abs." + s.name + "x2", each(a -> a & 0x7fff7fff));
    }

    private static void conversions(Map<String, IntOp> t, Format s) {
        put(t, "cvt.rn." + s.name + ".f32", each(a -> s == Format.F16 ? toHalf(f(a)) : toBf16(f(a))));
        put(t, "cvt.rn." + s.name + ".s32", each(a -> s.of(a)));
        put(t, "cvt.rn." + s.name + ".u32", each(a -> s.of(Alu.unsigned(a))));
        put(t, "cvt.rn." + s.name + ".u16", each(a -> s.of(a & 0xffff)));
        put(t, "cvt.rn." + s.name + ".s16", each(a -> s.of((short) a)));
        put(t, "cvt.rzi.s32." + s.name, each(a -> (int) s.value(a)));
        put(t, "cvt.rni.s32." + s.name, each(a -> (int) Math.rint(s.value(a))));
    }

    /** Doubles to fp16, to nearest even in one step: through a float whose last bit keeps what is lost. */
    private static int roundHalf(double x) {
        return toHalf(sticky(x));
    }

    private static int roundBf16(double x) {
        return toBf16(sticky(x));
    }

    /** Rounded to odd: a later rounding to fewer bits is then as if it were the only one. */
    private static float sticky(double x) {
        float near = (float) x;
        if (near == x || Double.isNaN(x) || Float.isInfinite(near)) {
            return near;
        }
        float below = Math.abs((double) near) > Math.abs(x) ? near > 0 ? Math.nextDown(near) : Math.nextUp(near) : near;
        return f(bits(below) | 1);
    }

    private static void fp8(Map<String, IntOp> t) {
        for (String kind : new String[] {"e4m3", "e5m2"}) {
            boolean e4m3 = kind.equals("e4m3");
            put(
                    t,
                    "cvt.rn.satfinite." + kind + "x2.f32",
                    each((int a, int b) -> toFp8(f(a), e4m3) << 8 | toFp8(f(b), e4m3)));
            put(
                    t,
                    "cvt.rn.satfinite." + kind + "x2.f16x2",
                    each(a -> toFp8(half(a >>> 16), e4m3) << 8 | toFp8(half(a), e4m3)));
            put(t, "cvt.rn.f16x2." + kind + "x2", each(a -> toHalf(fp8(a >>> 8, e4m3)) << 16 | toHalf(fp8(a, e4m3))));
        }
    }

    /** OCP 8-bit floating point: e4m3 has no infinity and one NaN, e5m2 is the upper half of fp16. */
    static float fp8(int x, boolean e4m3) {
        if (!e4m3) {
            return half((x & 0xff) << 8);
        }
        int exponent = x >> 3 & 15, mantissa = x & 7;
        float v = exponent == 0
                ? mantissa / 512f
                : exponent == 15 && mantissa == 7 ? Float.NaN : (1 + mantissa / 8f) * (float) Math.pow(2, exponent - 7);
        return (x & 0x80) != 0 ? -v : v;
    }

    /** To nearest even; what is too large becomes the largest. */
    static int toFp8(float x, boolean e4m3) {
        if (Float.isNaN(x)) {
            return 0x7f;
        }
        int sign = bits(x) >>> 24 & 0x80, top = e4m3 ? 0x7e : 0x7b, best = 0;
        double wanted = Math.abs((double) x);
        for (int k = 1; k <= top; k++) {
            double better = Math.abs(fp8(k, e4m3) - wanted) - Math.abs(fp8(best, e4m3) - wanted);
            if (better < 0 || better == 0 && k % 2 == 0) {
                best = k;
            }
        }
        return sign | best;
    }
}
