package espalier.cpu;

import static espalier.cpu.Lanes.V;
import static espalier.cpu.Lanes.evenBf16;
import static espalier.cpu.Lanes.load;
import static espalier.cpu.Lanes.loadInts;
import static espalier.cpu.Lanes.oddBf16;
import static espalier.cpu.Lanes.store;
import static espalier.cpu.Lanes.zero;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Inner loops of products: 1, 2 or 4 rows of x by 4 outputs.
 *
 * <p>Every one of them stores its accumulators at {@code acc}, one vector for each row and output, laid out [rows, 4, L];
 * and every one begins at zero and adds {@code x * w} in the same order, step by step along the sum. So which loops a row
 * passes through changes no bit of its result.
 *
 * <p>The largest is bound by C2, not by registers: 6 rows have more nodes than it inlines, in that the stores at the end
 * become calls and 24 vectors go through the heap; so would 4 rows that first load what stands at {@code acc}. 4 rows
 * already keep both multiply-add units busy.
 */
final class Tiles {
    private Tiles() {}

    /** One row of x by four rows of bf16 as they are stored; x is split, a step is two vectors of it. */
    static void bf16(long x, long w0, long w1, long w2, long w3, int blocks, long acc) {
        FloatVector none = zero();
        FloatVector a0 = none;
        FloatVector a1 = none;
        FloatVector a2 = none;
        FloatVector a3 = none;
        for (int i = 0; i < blocks; i++) {
            long at = (long) i * V;
            FloatVector even = load(x + 2 * at);
            FloatVector odd = load(x + 2 * at + V);
            IntVector v0 = loadInts(w0 + at);
            IntVector v1 = loadInts(w1 + at);
            IntVector v2 = loadInts(w2 + at);
            IntVector v3 = loadInts(w3 + at);
            a0 = even.fma(evenBf16(v0), a0);
            a1 = even.fma(evenBf16(v1), a1);
            a2 = even.fma(evenBf16(v2), a2);
            a3 = even.fma(evenBf16(v3), a3);
            a0 = odd.fma(oddBf16(v0), a0);
            a1 = odd.fma(oddBf16(v1), a1);
            a2 = odd.fma(oddBf16(v2), a2);
            a3 = odd.fma(oddBf16(v3), a3);
        }
        store(a0, acc);
        store(a1, acc + V);
        store(a2, acc + 2 * V);
        store(a3, acc + 3 * V);
    }

    /** One row of x by four rows of f32 as they are stored; x is in natural order, a step is one vector. */
    static void f32(long x, long w0, long w1, long w2, long w3, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a0 = none;
        FloatVector a1 = none;
        FloatVector a2 = none;
        FloatVector a3 = none;
        for (int i = 0; i < steps; i++) {
            long at = (long) i * V;
            FloatVector v = load(x + at);
            a0 = v.fma(load(w0 + at), a0);
            a1 = v.fma(load(w1 + at), a1);
            a2 = v.fma(load(w2 + at), a2);
            a3 = v.fma(load(w3 + at), a3);
        }
        store(a0, acc);
        store(a1, acc + V);
        store(a2, acc + 2 * V);
        store(a3, acc + 3 * V);
    }

    /** {@code rows} rows of x, laid out [steps, rows, L], by a panel of f32, laid out [steps, 4, L]. */
    static void panel(int rows, long x, long w, int steps, long acc) {
        switch (rows) {
            case 4 -> panel4(x, w, steps, acc);
            case 2 -> panel2(x, w, steps, acc);
            case 1 -> panel1(x, w, steps, acc);
            default -> throw new IllegalArgumentException("no tile of " + rows + " rows");
        }
    }

    private static void panel1(long x, long w, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a0 = none;
        FloatVector a1 = none;
        FloatVector a2 = none;
        FloatVector a3 = none;
        for (int i = 0; i < steps; i++) {
            long wi = w + (long) i * (4 * V);
            FloatVector v = load(x + (long) i * V);
            a0 = v.fma(load(wi), a0);
            a1 = v.fma(load(wi + V), a1);
            a2 = v.fma(load(wi + 2 * V), a2);
            a3 = v.fma(load(wi + 3 * V), a3);
        }
        store(a0, acc);
        store(a1, acc + V);
        store(a2, acc + 2 * V);
        store(a3, acc + 3 * V);
    }

    private static void panel2(long x, long w, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a00 = none;
        FloatVector a01 = none;
        FloatVector a02 = none;
        FloatVector a03 = none;
        FloatVector a10 = none;
        FloatVector a11 = none;
        FloatVector a12 = none;
        FloatVector a13 = none;
        for (int i = 0; i < steps; i++) {
            long xi = x + (long) i * (2 * V);
            long wi = w + (long) i * (4 * V);
            FloatVector w0 = load(wi);
            FloatVector w1 = load(wi + V);
            FloatVector w2 = load(wi + 2 * V);
            FloatVector w3 = load(wi + 3 * V);
            FloatVector v = load(xi);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
            v = load(xi + V);
            a10 = v.fma(w0, a10);
            a11 = v.fma(w1, a11);
            a12 = v.fma(w2, a12);
            a13 = v.fma(w3, a13);
        }
        store(a00, acc);
        store(a01, acc + V);
        store(a02, acc + 2 * V);
        store(a03, acc + 3 * V);
        store(a10, acc + 4 * V);
        store(a11, acc + 5 * V);
        store(a12, acc + 6 * V);
        store(a13, acc + 7 * V);
    }

    private static void panel4(long x, long w, int steps, long acc) {
        FloatVector none = zero();
        FloatVector a00 = none;
        FloatVector a01 = none;
        FloatVector a02 = none;
        FloatVector a03 = none;
        FloatVector a10 = none;
        FloatVector a11 = none;
        FloatVector a12 = none;
        FloatVector a13 = none;
        FloatVector a20 = none;
        FloatVector a21 = none;
        FloatVector a22 = none;
        FloatVector a23 = none;
        FloatVector a30 = none;
        FloatVector a31 = none;
        FloatVector a32 = none;
        FloatVector a33 = none;
        for (int i = 0; i < steps; i++) {
            long xi = x + (long) i * (4 * V);
            long wi = w + (long) i * (4 * V);
            FloatVector w0 = load(wi);
            FloatVector w1 = load(wi + V);
            FloatVector w2 = load(wi + 2 * V);
            FloatVector w3 = load(wi + 3 * V);
            FloatVector v = load(xi);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
            v = load(xi + V);
            a10 = v.fma(w0, a10);
            a11 = v.fma(w1, a11);
            a12 = v.fma(w2, a12);
            a13 = v.fma(w3, a13);
            v = load(xi + 2 * V);
            a20 = v.fma(w0, a20);
            a21 = v.fma(w1, a21);
            a22 = v.fma(w2, a22);
            a23 = v.fma(w3, a23);
            v = load(xi + 3 * V);
            a30 = v.fma(w0, a30);
            a31 = v.fma(w1, a31);
            a32 = v.fma(w2, a32);
            a33 = v.fma(w3, a33);
        }
        store(a00, acc);
        store(a01, acc + V);
        store(a02, acc + 2 * V);
        store(a03, acc + 3 * V);
        store(a10, acc + 4 * V);
        store(a11, acc + 5 * V);
        store(a12, acc + 6 * V);
        store(a13, acc + 7 * V);
        store(a20, acc + 8 * V);
        store(a21, acc + 9 * V);
        store(a22, acc + 10 * V);
        store(a23, acc + 11 * V);
        store(a30, acc + 12 * V);
        store(a31, acc + 13 * V);
        store(a32, acc + 14 * V);
        store(a33, acc + 15 * V);
    }
}
