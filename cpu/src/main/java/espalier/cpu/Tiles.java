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
 * Inner loops of products: 1, 2, 4 or 6 rows of x by 4 outputs.
 *
 * <p>Every one of them stores its accumulators at {@code acc}, one vector for each row and output, laid out [rows, 4, L];
 * and every one begins at zero and adds {@code x * w} in the same order, step by step along the sum. So which loops a row
 * passes through changes no bit of its result. (That they do not go on from what stands at {@code acc} has another
 * reason: 24 loads more carry the largest one over C2's limit of nodes, and then nothing is inlined.)
 */
final class Tiles {
    private Tiles() {}

    /** One row of x by four rows of bf16 as they are stored; x is split, a step is two vectors of it. */
    static void bf16(long x, long w0, long w1, long w2, long w3, int blocks, long acc) {
        FloatVector a0 = zero();
        FloatVector a1 = zero();
        FloatVector a2 = zero();
        FloatVector a3 = zero();
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
        FloatVector a0 = zero();
        FloatVector a1 = zero();
        FloatVector a2 = zero();
        FloatVector a3 = zero();
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
            case 6 -> panel6(x, w, steps, acc);
            case 4 -> panel4(x, w, steps, acc);
            case 2 -> panel2(x, w, steps, acc);
            case 1 -> panel1(x, w, steps, acc);
            default -> throw new IllegalArgumentException("no tile of " + rows + " rows");
        }
    }

    private static void panel1(long x, long w, int steps, long acc) {
        FloatVector a0 = zero();
        FloatVector a1 = zero();
        FloatVector a2 = zero();
        FloatVector a3 = zero();
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
        FloatVector a00 = zero();
        FloatVector a01 = zero();
        FloatVector a02 = zero();
        FloatVector a03 = zero();
        FloatVector a10 = zero();
        FloatVector a11 = zero();
        FloatVector a12 = zero();
        FloatVector a13 = zero();
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
        FloatVector a00 = zero();
        FloatVector a01 = zero();
        FloatVector a02 = zero();
        FloatVector a03 = zero();
        FloatVector a10 = zero();
        FloatVector a11 = zero();
        FloatVector a12 = zero();
        FloatVector a13 = zero();
        FloatVector a20 = zero();
        FloatVector a21 = zero();
        FloatVector a22 = zero();
        FloatVector a23 = zero();
        FloatVector a30 = zero();
        FloatVector a31 = zero();
        FloatVector a32 = zero();
        FloatVector a33 = zero();
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

    private static void panel6(long x, long w, int steps, long acc) {
        FloatVector a00 = zero();
        FloatVector a01 = zero();
        FloatVector a02 = zero();
        FloatVector a03 = zero();
        FloatVector a10 = zero();
        FloatVector a11 = zero();
        FloatVector a12 = zero();
        FloatVector a13 = zero();
        FloatVector a20 = zero();
        FloatVector a21 = zero();
        FloatVector a22 = zero();
        FloatVector a23 = zero();
        FloatVector a30 = zero();
        FloatVector a31 = zero();
        FloatVector a32 = zero();
        FloatVector a33 = zero();
        FloatVector a40 = zero();
        FloatVector a41 = zero();
        FloatVector a42 = zero();
        FloatVector a43 = zero();
        FloatVector a50 = zero();
        FloatVector a51 = zero();
        FloatVector a52 = zero();
        FloatVector a53 = zero();
        for (int i = 0; i < steps; i++) {
            long xi = x + (long) i * (6 * V);
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
            v = load(xi + 4 * V);
            a40 = v.fma(w0, a40);
            a41 = v.fma(w1, a41);
            a42 = v.fma(w2, a42);
            a43 = v.fma(w3, a43);
            v = load(xi + 5 * V);
            a50 = v.fma(w0, a50);
            a51 = v.fma(w1, a51);
            a52 = v.fma(w2, a52);
            a53 = v.fma(w3, a53);
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
        store(a40, acc + 16 * V);
        store(a41, acc + 17 * V);
        store(a42, acc + 18 * V);
        store(a43, acc + 19 * V);
        store(a50, acc + 20 * V);
        store(a51, acc + 21 * V);
        store(a52, acc + 22 * V);
        store(a53, acc + 23 * V);
    }
}
