package espalier.cuda.sim;

import static espalier.cuda.sim.Alu.LANES;
import static espalier.cuda.sim.Alu.bf16;
import static espalier.cuda.sim.Alu.f;
import static espalier.cuda.sim.Alu.half;
import static espalier.cuda.sim.Alu.put;
import static espalier.cuda.sim.Alu.unsigned;

import espalier.cuda.sim.Alu.IntTest;
import espalier.cuda.sim.Alu.LogicOp;
import espalier.cuda.sim.Alu.LongTest;
import espalier.cuda.sim.Alu.Update;
import java.util.HashMap;
import java.util.Map;

/** setp (PTX ISA 9.7.6) by comparison and type, logic on predicates, and what atomics do to the old value. */
final class Comparisons {
    /** Sign of a comparison: -1, 0, 1, or 2 where an operand is NaN. */
    private interface Sign {
        int of(int a, int b);
    }

    private interface LongSign {
        int of(long a, long b);
    }

    private static final int NAN = 2;

    private Comparisons() {}

    static Map<String, IntTest> ints() {
        var t = new HashMap<String, IntTest>();
        common(t);
        signs(t, "u32", Integer::compareUnsigned);
        signs(t, "s16", (a, b) -> Integer.compare((short) a, (short) b));
        signs(t, "u16", (a, b) -> Integer.compare(a & 0xffff, b & 0xffff));
        floats(t, "f32", (a, b) -> compare(f(a), f(b)));
        floats(t, "ftz.f32", (a, b) -> compare(FloatOps.flush(f(a)), FloatOps.flush(f(b))));
        floats(t, "f16", (a, b) -> compare(half(a), half(b)));
        floats(t, "bf16", (a, b) -> compare(bf16(a), bf16(b)));
        return Map.copyOf(t);
    }

    /** Those of most kernels' loops and bounds: as loops that the compiler vectorises. */
    private static void common(Map<String, IntTest> t) {
        put(t, "eq.s32 eq.b32 eq.b16 eq.u32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) m |= bit(a[l] == b[l], l);
            return m;
        });
        put(t, "ne.s32 ne.b32 ne.b16 ne.u32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) m |= bit(a[l] != b[l], l);
            return m;
        });
        put(t, "lt.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) m |= bit(a[l] < b[l], l);
            return m;
        });
        put(t, "le.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) m |= bit(a[l] <= b[l], l);
            return m;
        });
        put(t, "gt.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) m |= bit(a[l] > b[l], l);
            return m;
        });
        put(t, "ge.s32", (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) m |= bit(a[l] >= b[l], l);
            return m;
        });
    }

    private static int bit(boolean b, int l) {
        return b ? 1 << l : 0;
    }

    private static int compare(double a, double b) {
        return a < b ? -1 : a > b ? 1 : a == b ? 0 : NAN;
    }

    private static void signs(Map<String, IntTest> t, String type, Sign sign) {
        for (String name : new String[] {"eq", "ne", "lt", "le", "gt", "ge"}) {
            t.putIfAbsent(name + "." + type, test(sign, wanted(name)));
        }
        put(t, "lo." + type, test(sign, wanted("lt")));
        put(t, "ls." + type, test(sign, wanted("le")));
        put(t, "hi." + type, test(sign, wanted("gt")));
        put(t, "hs." + type, test(sign, wanted("ge")));
    }

    private static void floats(Map<String, IntTest> t, String type, Sign sign) {
        for (String name : new String[] {"eq", "ne", "lt", "le", "gt", "ge"}) {
            put(t, name + "." + type, test(sign, wanted(name)));
            put(t, name + "u." + type, test(sign, wanted(name) | 1 << 3));
        }
        put(t, "nan." + type, test(sign, 1 << 3));
        put(t, "num." + type, test(sign, 7));
    }

    /** The signs that fulfil a comparison, as bits: less, equal, greater, (3) not a number. */
    private static int wanted(String name) {
        return switch (name) {
            case "lt" -> 1;
            case "eq" -> 2;
            case "le" -> 3;
            case "gt" -> 4;
            case "ne" -> 5;
            case "ge" -> 6;
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static IntTest test(Sign sign, int wanted) {
        return (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) {
                m |= bit((wanted >> index(sign.of(a[l], b[l])) & 1) != 0, l);
            }
            return m;
        };
    }

    private static int index(int sign) {
        return sign == NAN ? 3 : Integer.signum(sign) + 1;
    }

    static Map<String, LongTest> longs() {
        var t = new HashMap<String, LongTest>();
        LongSign real = (a, b) -> compare(Double.longBitsToDouble(a), Double.longBitsToDouble(b));
        for (String name : new String[] {"eq", "ne", "lt", "le", "gt", "ge"}) {
            t.put(name + ".s64", wide(Long::compare, wanted(name)));
            t.put(name + ".u64", wide(Long::compareUnsigned, wanted(name)));
            t.put(name + ".b64", wide(Long::compare, wanted(name)));
            t.put(name + ".f64", wide(real, wanted(name)));
            t.put(name + "u.f64", wide(real, wanted(name) | 1 << 3));
        }
        t.put("lo.u64", t.get("lt.u64"));
        t.put("ls.u64", t.get("le.u64"));
        t.put("hi.u64", t.get("gt.u64"));
        t.put("hs.u64", t.get("ge.u64"));
        return Map.copyOf(t);
    }

    private static LongTest wide(LongSign sign, int wanted) {
        return (a, b) -> {
            int m = 0;
            for (int l = 0; l < LANES; l++) {
                int s = sign.of(a[l], b[l]);
                m |= bit((wanted >> (s == NAN ? 3 : Integer.signum(s) + 1) & 1) != 0, l);
            }
            return m;
        };
    }

    static Map<String, LogicOp> logic() {
        var t = new HashMap<String, LogicOp>();
        put(t, "and.pred", (a, b) -> a & b);
        put(t, "or.pred", (a, b) -> a | b);
        put(t, "xor.pred", (a, b) -> a ^ b);
        put(t, "not.pred", (a, b) -> ~a);
        put(t, "mov.pred", (a, b) -> a);
        return Map.copyOf(t);
    }

    static Map<String, Update> atomics() {
        var t = new HashMap<String, Update>();
        put(t, "add.u32 add.s32 add.u64", (old, x) -> old + x);
        put(t, "exch.b32 exch.b64", (old, x) -> x);
        put(t, "and.b32 and.b64", (old, x) -> old & x);
        put(t, "or.b32 or.b64", (old, x) -> old | x);
        put(t, "xor.b32 xor.b64", (old, x) -> old ^ x);
        put(t, "min.s32", (old, x) -> Math.min((int) old, (int) x));
        put(t, "max.s32", (old, x) -> Math.max((int) old, (int) x));
        put(t, "min.u32", (old, x) -> Math.min(unsigned((int) old), unsigned((int) x)));
        put(t, "max.u32", (old, x) -> Math.max(unsigned((int) old), unsigned((int) x)));
        put(t, "min.s64", Math::min);
        put(t, "max.s64", Math::max);
        put(t, "min.u64", (old, x) -> Long.compareUnsigned(old, x) < 0 ? old : x);
        put(t, "max.u64", (old, x) -> Long.compareUnsigned(old, x) > 0 ? old : x);
        put(t, "inc.u32", (old, x) -> Integer.compareUnsigned((int) old, (int) x) >= 0 ? 0 : (int) old + 1);
        put(
                t,
                "dec.u32",
                (old, x) -> (int) old == 0 || Integer.compareUnsigned((int) old, (int) x) > 0 ? x : (int) old - 1);
        put(t, "add.f32", (old, x) -> Alu.bits(f((int) old) + f((int) x)));
        put(
                t,
                "add.f64",
                (old, x) -> Double.doubleToRawLongBits(Double.longBitsToDouble(old) + Double.longBitsToDouble(x)));
        put(t, "add.noftz.f16x2", (old, x) -> pair(Alu.INT.get("add.f16x2"), (int) old, (int) x));
        put(t, "add.noftz.bf16x2", (old, x) -> pair(Alu.INT.get("add.bf16x2"), (int) old, (int) x));
        return Map.copyOf(t);
    }

    private static int pair(Alu.IntOp op, int a, int b) {
        int[] d = new int[LANES], x = new int[LANES], y = new int[LANES];
        x[0] = a;
        y[0] = b;
        op.run(d, x, y, x, x);
        return d[0];
    }
}
