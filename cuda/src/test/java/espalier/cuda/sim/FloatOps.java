package espalier.cuda.sim;

import static espalier.cuda.sim.Alu.LANES;
import static espalier.cuda.sim.Alu.bits;
import static espalier.cuda.sim.Alu.each;
import static espalier.cuda.sim.Alu.f;
import static espalier.cuda.sim.Alu.max;
import static espalier.cuda.sim.Alu.min;
import static espalier.cuda.sim.Alu.put;
import static espalier.cuda.sim.Alu.unsigned;

import espalier.cuda.sim.Alu.IntOp;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;

/**
 * f32 (PTX ISA 9.7.3) and its conversions to and from integers.
 *
 * <p>The approximations ({@code ex2.approx} and its like) are off by an error within the bound that the ISA gives, made
 * from the operand's bits: a kernel that only works with an exact one shows, and one that computes the same twice gets the
 * same bits. Results that a float holds exactly stay exact, as on the machine. {@code .ftz} flushes denormal operands and
 * results.
 */
final class FloatOps {
    private static final double LN2 = 0.6931471805599453;

    private interface Binary {
        float of(float a, float b);
    }

    private FloatOps() {}

    static void fill(Map<String, IntOp> t) {
        exact(t);
        flushed(t);
        approximations(t);
        toIntegers(t);
        fromIntegers(t);
    }

    private static void exact(Map<String, IntOp> t) {
        put(t, "add.f32 add.rn.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits(f(a[l]) + f(b[l]));
        });
        put(t, "sub.f32 sub.rn.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits(f(a[l]) - f(b[l]));
        });
        put(t, "mul.f32 mul.rn.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits(f(a[l]) * f(b[l]));
        });
        put(t, "fma.rn.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits(Math.fma(f(a[l]), f(b[l]), f(c[l])));
        });
        put(t, "max.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits(max(f(a[l]), f(b[l])));
        });
        put(t, "min.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits(min(f(a[l]), f(b[l])));
        });
        put(t, "neg.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] ^ 0x80000000;
        });
        put(t, "abs.f32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = a[l] & 0x7fffffff;
        });
        put(t, "max.NaN.f32", two(Math::max));
        put(t, "min.NaN.f32", two(Math::min));
        put(t, "copysign.f32", each((int a, int b) -> a & 0x80000000 | b & 0x7fffffff));
        put(t, "div.rn.f32", two((a, b) -> a / b));
        put(t, "sqrt.rn.f32", one(Math::sqrt));
        put(t, "rcp.rn.f32", two((a, b) -> 1 / a));
        put(t, "add.rz.f32", two((a, b) -> toZero((double) a + b)));
        put(t, "mul.rz.f32", two((a, b) -> toZero((double) a * b)));
    }

    private static IntOp one(DoubleUnaryOperator op) {
        return each(a -> bits((float) op.applyAsDouble(f(a))));
    }

    private static IntOp two(Binary op) {
        return each((int a, int b) -> bits(op.of(f(a), f(b))));
    }

    static float flush(float x) {
        return Math.abs(x) < Float.MIN_NORMAL ? Math.copySign(0f, x) : x;
    }

    private static IntOp flushing(Binary op) {
        return two((a, b) -> flush(op.of(flush(a), flush(b))));
    }

    private static void flushed(Map<String, IntOp> t) {
        put(t, "add.ftz.f32 add.rn.ftz.f32", flushing((a, b) -> a + b));
        put(t, "sub.ftz.f32 sub.rn.ftz.f32", flushing((a, b) -> a - b));
        put(t, "mul.ftz.f32 mul.rn.ftz.f32", flushing((a, b) -> a * b));
        put(t, "max.ftz.f32", flushing(Alu::max));
        put(t, "min.ftz.f32", flushing(Alu::min));
        put(t, "neg.ftz.f32", flushing((a, b) -> -a));
        put(t, "abs.ftz.f32", flushing((a, b) -> Math.abs(a)));
        put(t, "fma.rn.ftz.f32", each((a, b, c) -> bits(flush(Math.fma(flush(f(a)), flush(f(b)), flush(f(c)))))));
        put(t, "fma.rn.relu.f32", each((a, b, c) -> bits(Math.max(0f, Math.fma(f(a), f(b), f(c))))));
    }

    private static void approximations(Map<String, IntOp> t) {
        approximate(t, "ex2.approx", "f32", -22.5, x -> Math.exp(x * LN2));
        approximate(t, "rsqrt.approx", "f32", -22.4, x -> 1 / Math.sqrt(x));
        approximate(t, "sqrt.approx", "f32", -23, Math::sqrt);
        approximate(t, "rcp.approx", "f32", -23, x -> 1 / x);
        approximate(t, "tanh.approx", "f32", -11, Math::tanh);
        approximate(t, "sin.approx", "f32", -20.9, Math::sin);
        approximate(t, "cos.approx", "f32", -20.9, Math::cos);
        put(t, "lg2.approx.f32", each(a -> logarithm(f(a))));
        put(t, "lg2.approx.ftz.f32", each(a -> logarithm(flush(f(a)))));
        put(t, "div.approx.f32 div.full.f32", each((int a, int b) -> quotient(f(a), f(b))));
        put(t, "div.approx.ftz.f32 div.full.ftz.f32", each((int a, int b) -> quotient(flush(f(a)), flush(f(b)))));
    }

    private static void approximate(
            Map<String, IntOp> t, String name, String type, double bound, DoubleUnaryOperator op) {
        double error = Math.pow(2, bound);
        put(t, name + "." + type, each(a -> bits(off(op.applyAsDouble(f(a)), a, error))));
        put(t, name + ".ftz." + type, each(a -> bits(flush(off(op.applyAsDouble(flush(f(a))), a, error)))));
    }

    /** {@code exact} with a relative error up to {@code bound}, which depends on {@code seed} alone. */
    static float off(double exact, int seed, double bound) {
        if ((float) exact == exact || Double.isNaN(exact)) {
            return (float) exact;
        }
        return (float) (exact * (1 + bound * share(seed)));
    }

    private static double share(int seed) { // -1 to 1
        int hash = (seed ^ seed >>> 15) * 0x9e3779b9;
        return (hash ^ hash >>> 13) / 2147483648.0;
    }

    private static int logarithm(float x) { // an absolute error of 2^-22
        double exact = Math.log(x) / LN2;
        return bits((float) exact == exact ? (float) exact : (float) (exact + Math.pow(2, -22) * share(bits(x))));
    }

    private static int quotient(float a, float b) { // two units in the last place
        return bits(off((double) a / b, bits(a) * 31 + bits(b), Math.pow(2, -22)));
    }

    private static float toZero(double exact) {
        float near = (float) exact;
        if (Math.abs((double) near) <= Math.abs(exact) || Double.isNaN(exact)) {
            return near;
        }
        return near > 0 ? Math.nextDown(near) : Math.nextUp(near);
    }

    /** NaN becomes 0 in a signed and an unsigned integer alike; the rest is clamped. */
    private static void toIntegers(Map<String, IntOp> t) {
        rounded(t, "rzi", x -> x < 0 ? Math.ceil(x) : Math.floor(x));
        rounded(t, "rni", Math::rint);
        rounded(t, "rmi", Math::floor);
        rounded(t, "rpi", Math::ceil);
        put(t, "cvt.sat.f32.f32", each(a -> bits(Float.isNaN(f(a)) ? 0f : Math.clamp(f(a), 0f, 1f))));
    }

    private static void rounded(Map<String, IntOp> t, String how, DoubleUnaryOperator op) {
        for (String name : new String[] {"cvt." + how + ".", "cvt." + how + ".ftz."}) {
            put(t, name + "s32.f32", each(a -> (int) op.applyAsDouble(f(a))));
            put(t, name + "u32.f32", each(a -> (int) clamped(op.applyAsDouble(f(a)), 0, 0xffffffffL)));
            put(t, name + "f32.f32", each(a -> bits((float) op.applyAsDouble(f(a)))));
            put(t, name + "s16.f32", each(a -> (int) clamped(op.applyAsDouble(f(a)), -32768, 32767) & 0xffff));
            put(t, name + "u16.f32", each(a -> (int) clamped(op.applyAsDouble(f(a)), 0, 65535)));
            put(t, name + "u8.f32", each(a -> (int) clamped(op.applyAsDouble(f(a)), 0, 255)));
            put(t, name + "s8.f32", each(a -> (int) clamped(op.applyAsDouble(f(a)), -128, 127)));
        }
    }

    static long clamped(double x, long low, long high) {
        return Math.clamp((long) x, low, high);
    }

    private static void fromIntegers(Map<String, IntOp> t) {
        put(t, "cvt.rn.f32.s32", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits((float) a[l]);
        });
        put(t, "cvt.rn.f32.s16", each(a -> bits((float) (short) a)));
        put(t, "cvt.rn.f32.s8", each(a -> bits((float) (byte) a)));
        put(t, "cvt.rn.f32.u32", each(a -> bits((float) unsigned(a))));
        put(t, "cvt.rn.f32.u16", each(a -> bits((float) (a & 0xffff))));
        put(t, "cvt.rn.f32.u8", each(a -> bits((float) (a & 0xff))));
        put(t, "cvt.f32.bf16", each(a -> a << 16));
        put(t, "cvt.f32.f16", (d, a, b, c, e) -> {
            for (int l = 0; l < LANES; l++) d[l] = bits(Alu.half(a[l]));
        });
    }
}
