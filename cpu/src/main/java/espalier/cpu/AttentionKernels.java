package espalier.cpu;

import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Inner loops of attention over a block of widened keys or values, [positions, dims]: 1 or 2 rows of queries by four
 * keys; weights of 1, 2 or 4 rows times values. All add in the same order, so grouping changes no bit.
 */
final class AttentionKernels {
    private AttentionKernels() {}

    /** Scores of one query row against keys {@code [from, to)}, in fours; {@code from} is a multiple of 4. */
    static void scores(long q, long keys, int vectors, int from, int to, long scores) {
        long row = (long) vectors * V;
        for (int p = from; p < to; p += 4) {
            long k0 = keys + p * row;
            long k1 = k0 + row;
            long k2 = k1 + row;
            long k3 = k2 + row;
            FloatVector a0 = Lanes.zero();
            FloatVector a1 = Lanes.zero();
            FloatVector a2 = Lanes.zero();
            FloatVector a3 = Lanes.zero();
            for (int i = 0; i < vectors; i++) {
                long at = (long) i * V;
                FloatVector v = Lanes.load(q + at);
                a0 = v.fma(Lanes.load(k0 + at), a0);
                a1 = v.fma(Lanes.load(k1 + at), a1);
                a2 = v.fma(Lanes.load(k2 + at), a2);
                a3 = v.fma(Lanes.load(k3 + at), a3);
            }
            Lanes.storeFour(Lanes.sums(a0, a1, a2, a3), scores + 4L * p);
        }
    }

    /** As {@link #scores} for two rows at once, whose scores lie {@code scoreBytes} apart. */
    static void scoresOfTwo(long q, long keys, int vectors, int from, int to, long scores, long scoreBytes) {
        long row = (long) vectors * V;
        long q1 = q + row;
        for (int p = from; p < to; p += 4) {
            long k0 = keys + p * row;
            long k1 = k0 + row;
            long k2 = k1 + row;
            long k3 = k2 + row;
            FloatVector a0 = Lanes.zero();
            FloatVector a1 = Lanes.zero();
            FloatVector a2 = Lanes.zero();
            FloatVector a3 = Lanes.zero();
            FloatVector b0 = Lanes.zero();
            FloatVector b1 = Lanes.zero();
            FloatVector b2 = Lanes.zero();
            FloatVector b3 = Lanes.zero();
            for (int i = 0; i < vectors; i++) {
                long at = (long) i * V;
                FloatVector v = Lanes.load(q + at);
                FloatVector w = Lanes.load(q1 + at);
                FloatVector k = Lanes.load(k0 + at);
                a0 = v.fma(k, a0);
                b0 = w.fma(k, b0);
                k = Lanes.load(k1 + at);
                a1 = v.fma(k, a1);
                b1 = w.fma(k, b1);
                k = Lanes.load(k2 + at);
                a2 = v.fma(k, a2);
                b2 = w.fma(k, b2);
                k = Lanes.load(k3 + at);
                a3 = v.fma(k, a3);
                b3 = w.fma(k, b3);
            }
            Lanes.storeFour(Lanes.sums(a0, a1, a2, a3), scores + 4L * p);
            Lanes.storeFour(Lanes.sums(b0, b1, b2, b3), scores + scoreBytes + 4L * p);
        }
    }

    /** The greatest of scores {@code [from, to)} of a block whose other scores are made -infinity. */
    static float maskedMax(long scores, int block, int from, int to) {
        FloatVector max = Lanes.splat(Float.NEGATIVE_INFINITY);
        for (int i = 0; i < block; i += L) {
            var inside = Lanes.first(to - i);
            if (i < from) {
                inside = inside.andNot(Lanes.first(from - i));
            }
            FloatVector s = Lanes.splat(Float.NEGATIVE_INFINITY).blend(Lanes.load(scores + 4L * i), inside);
            Lanes.store(s, scores + 4L * i);
            max = max.max(s);
        }
        return max.reduceLanes(VectorOperators.MAX); // exact, so the order is free
    }

    /** Replaces scores by {@code exp(score - max)} and returns their sum. */
    static float weigh(long scores, int block, float max) {
        FloatVector sum = Lanes.zero();
        for (int i = 0; i < block; i += L) {
            FloatVector w = Lanes.exp(Lanes.load(scores + 4L * i).sub(max));
            Lanes.store(w, scores + 4L * i);
            sum = sum.add(w);
        }
        return Lanes.sum(sum);
    }

    static float exp(float x) {
        return Lanes.exp(Lanes.splat(x)).lane(0);
    }

    static void scale(long x, int vectors, float by) {
        for (int i = 0; i < vectors; i++) {
            Lanes.store(Lanes.load(x + (long) i * V).mul(by), x + (long) i * V);
        }
    }

    /** {@code acc = acc * by + other * otherBy}. */
    static void merge(long acc, float by, long other, float otherBy, int vectors) {
        for (int i = 0; i < vectors; i++) {
            long at = (long) i * V;
            FloatVector mine = Lanes.load(acc + at).mul(by);
            Lanes.store(Lanes.load(other + at).fma(Lanes.splat(otherBy), mine), acc + at);
        }
    }

    private static float weight(long weights, int position) {
        return Lanes.ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, weights + 4L * position);
    }

    /**
     * {@code acc += sum over positions [from, to) of weight * value}; two vectors of dims at a time, one position after
     * another. The four positions written out keep these methods too large to be inlined into their caller, where C2 would
     * run out of nodes and leave the vectors on the heap.
     */
    static void values(long weights, long values, int vectors, int from, int to, long acc) {
        long row = (long) vectors * V;
        for (int i = 0; i < vectors; i += 2) {
            long at = (long) i * V;
            FloatVector a0 = Lanes.load(acc + at);
            FloatVector a1 = Lanes.load(acc + at + V);
            int p = from;
            for (; p + 4 <= to; p += 4) {
                long v = values + p * row + at;
                FloatVector w = Lanes.splat(weight(weights, p));
                a0 = w.fma(Lanes.load(v), a0);
                a1 = w.fma(Lanes.load(v + V), a1);
                w = Lanes.splat(weight(weights, p + 1));
                a0 = w.fma(Lanes.load(v + row), a0);
                a1 = w.fma(Lanes.load(v + row + V), a1);
                w = Lanes.splat(weight(weights, p + 2));
                a0 = w.fma(Lanes.load(v + 2 * row), a0);
                a1 = w.fma(Lanes.load(v + 2 * row + V), a1);
                w = Lanes.splat(weight(weights, p + 3));
                a0 = w.fma(Lanes.load(v + 3 * row), a0);
                a1 = w.fma(Lanes.load(v + 3 * row + V), a1);
            }
            for (; p < to; p++) {
                long v = values + p * row + at;
                FloatVector w = Lanes.splat(weight(weights, p));
                a0 = w.fma(Lanes.load(v), a0);
                a1 = w.fma(Lanes.load(v + V), a1);
            }
            Lanes.store(a0, acc + at);
            Lanes.store(a1, acc + at + V);
        }
    }

    /** As {@link #values} for two rows, whose weights lie {@code weightBytes} apart. */
    static void valuesOfTwo(long weights, long weightBytes, long values, int vectors, int from, int to, long acc) {
        long row = (long) vectors * V;
        long other = weights + weightBytes;
        for (int i = 0; i < vectors; i += 2) {
            long at = acc + (long) i * V;
            FloatVector a0 = Lanes.load(at);
            FloatVector a1 = Lanes.load(at + V);
            FloatVector b0 = Lanes.load(at + row);
            FloatVector b1 = Lanes.load(at + row + V);
            int p = from;
            for (; p + 2 <= to; p += 2) {
                long v = values + p * row + (long) i * V;
                FloatVector v0 = Lanes.load(v);
                FloatVector v1 = Lanes.load(v + V);
                FloatVector w = Lanes.splat(weight(weights, p));
                a0 = w.fma(v0, a0);
                a1 = w.fma(v1, a1);
                w = Lanes.splat(weight(other, p));
                b0 = w.fma(v0, b0);
                b1 = w.fma(v1, b1);
                v0 = Lanes.load(v + row);
                v1 = Lanes.load(v + row + V);
                w = Lanes.splat(weight(weights, p + 1));
                a0 = w.fma(v0, a0);
                a1 = w.fma(v1, a1);
                w = Lanes.splat(weight(other, p + 1));
                b0 = w.fma(v0, b0);
                b1 = w.fma(v1, b1);
            }
            for (; p < to; p++) {
                long v = values + p * row + (long) i * V;
                FloatVector v0 = Lanes.load(v);
                FloatVector v1 = Lanes.load(v + V);
                FloatVector w = Lanes.splat(weight(weights, p));
                a0 = w.fma(v0, a0);
                a1 = w.fma(v1, a1);
                w = Lanes.splat(weight(other, p));
                b0 = w.fma(v0, b0);
                b1 = w.fma(v1, b1);
            }
            Lanes.store(a0, at);
            Lanes.store(a1, at + V);
            Lanes.store(b0, at + row);
            Lanes.store(b1, at + row + V);
        }
    }

    /** As {@link #values} for four rows. */
    static void valuesOfFour(long weights, long weightBytes, long values, int vectors, int from, int to, long acc) {
        long row = (long) vectors * V;
        for (int i = 0; i < vectors; i += 2) {
            long at = acc + (long) i * V;
            FloatVector a0 = Lanes.load(at);
            FloatVector a1 = Lanes.load(at + V);
            FloatVector b0 = Lanes.load(at + row);
            FloatVector b1 = Lanes.load(at + row + V);
            FloatVector c0 = Lanes.load(at + 2 * row);
            FloatVector c1 = Lanes.load(at + 2 * row + V);
            FloatVector d0 = Lanes.load(at + 3 * row);
            FloatVector d1 = Lanes.load(at + 3 * row + V);
            for (int p = from; p < to; p++) {
                long v = values + p * row + (long) i * V;
                FloatVector v0 = Lanes.load(v);
                FloatVector v1 = Lanes.load(v + V);
                FloatVector w = Lanes.splat(weight(weights, p));
                a0 = w.fma(v0, a0);
                a1 = w.fma(v1, a1);
                w = Lanes.splat(weight(weights + weightBytes, p));
                b0 = w.fma(v0, b0);
                b1 = w.fma(v1, b1);
                w = Lanes.splat(weight(weights + 2 * weightBytes, p));
                c0 = w.fma(v0, c0);
                c1 = w.fma(v1, c1);
                w = Lanes.splat(weight(weights + 3 * weightBytes, p));
                d0 = w.fma(v0, d0);
                d1 = w.fma(v1, d1);
            }
            Lanes.store(a0, at);
            Lanes.store(a1, at + V);
            Lanes.store(b0, at + row);
            Lanes.store(b1, at + row + V);
            Lanes.store(c0, at + 2 * row);
            Lanes.store(c1, at + 2 * row + V);
            Lanes.store(d0, at + 3 * row);
            Lanes.store(d1, at + 3 * row + V);
        }
    }
}
