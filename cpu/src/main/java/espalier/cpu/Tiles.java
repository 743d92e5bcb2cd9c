package espalier.cpu;

import static espalier.cpu.Lanes.V;
import static espalier.cpu.Lanes.evenBf16;
import static espalier.cpu.Lanes.evenF16;
import static espalier.cpu.Lanes.load;
import static espalier.cpu.Lanes.loadInts;
import static espalier.cpu.Lanes.oddBf16;
import static espalier.cpu.Lanes.oddF16;
import static espalier.cpu.Lanes.store;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Inner loops of products: 1, 2, 4 or 6 rows of x by 4 outputs.
 *
 * <p>Every one of them goes on with the accumulators at {@code acc}, one vector for each row and output, laid out [rows,
 * 4, L]; and every one adds {@code x * w} to them in the same order, step by step along the sum. So which loops a row
 * passes through changes no bit of its result.
 */
final class Tiles {
    private Tiles() {}

    /** One row of x by four rows of bf16 as they are stored; x is split, a step is two vectors of it. */
    static void bf16(long x, long w0, long w1, long w2, long w3, int blocks, long acc) {
        FloatVector a0 = load(acc);
        FloatVector a1 = load(acc + V);
        FloatVector a2 = load(acc + 2 * V);
        FloatVector a3 = load(acc + 3 * V);
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

    /** As {@link #bf16} for f16. */
    static void f16(long x, long w0, long w1, long w2, long w3, int blocks, long acc) {
        FloatVector a0 = load(acc);
        FloatVector a1 = load(acc + V);
        FloatVector a2 = load(acc + 2 * V);
        FloatVector a3 = load(acc + 3 * V);
        for (int i = 0; i < blocks; i++) {
            long at = (long) i * V;
            FloatVector even = load(x + 2 * at);
            FloatVector odd = load(x + 2 * at + V);
            IntVector v0 = loadInts(w0 + at);
            IntVector v1 = loadInts(w1 + at);
            IntVector v2 = loadInts(w2 + at);
            IntVector v3 = loadInts(w3 + at);
            a0 = even.fma(evenF16(v0), a0);
            a1 = even.fma(evenF16(v1), a1);
            a2 = even.fma(evenF16(v2), a2);
            a3 = even.fma(evenF16(v3), a3);
            a0 = odd.fma(oddF16(v0), a0);
            a1 = odd.fma(oddF16(v1), a1);
            a2 = odd.fma(oddF16(v2), a2);
            a3 = odd.fma(oddF16(v3), a3);
        }
        store(a0, acc);
        store(a1, acc + V);
        store(a2, acc + 2 * V);
        store(a3, acc + 3 * V);
    }

    /** One row of x by four rows of f32 as they are stored; x is in natural order, a step is one vector. */
    static void f32(long x, long w0, long w1, long w2, long w3, int steps, long acc) {
        FloatVector a0 = load(acc);
        FloatVector a1 = load(acc + V);
        FloatVector a2 = load(acc + 2 * V);
        FloatVector a3 = load(acc + 3 * V);
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
        FloatVector a0 = load(acc);
        FloatVector a1 = load(acc + V);
        FloatVector a2 = load(acc + 2 * V);
        FloatVector a3 = load(acc + 3 * V);
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
        FloatVector a00 = load(acc);
        FloatVector a01 = load(acc + V);
        FloatVector a02 = load(acc + 2 * V);
        FloatVector a03 = load(acc + 3 * V);
        FloatVector a10 = load(acc + 4 * V);
        FloatVector a11 = load(acc + 5 * V);
        FloatVector a12 = load(acc + 6 * V);
        FloatVector a13 = load(acc + 7 * V);
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
        FloatVector a00 = load(acc);
        FloatVector a01 = load(acc + V);
        FloatVector a02 = load(acc + 2 * V);
        FloatVector a03 = load(acc + 3 * V);
        FloatVector a10 = load(acc + 4 * V);
        FloatVector a11 = load(acc + 5 * V);
        FloatVector a12 = load(acc + 6 * V);
        FloatVector a13 = load(acc + 7 * V);
        FloatVector a20 = load(acc + 8 * V);
        FloatVector a21 = load(acc + 9 * V);
        FloatVector a22 = load(acc + 10 * V);
        FloatVector a23 = load(acc + 11 * V);
        FloatVector a30 = load(acc + 12 * V);
        FloatVector a31 = load(acc + 13 * V);
        FloatVector a32 = load(acc + 14 * V);
        FloatVector a33 = load(acc + 15 * V);
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
        FloatVector a00 = load(acc);
        FloatVector a01 = load(acc + V);
        FloatVector a02 = load(acc + 2 * V);
        FloatVector a03 = load(acc + 3 * V);
        FloatVector a10 = load(acc + 4 * V);
        FloatVector a11 = load(acc + 5 * V);
        FloatVector a12 = load(acc + 6 * V);
        FloatVector a13 = load(acc + 7 * V);
        FloatVector a20 = load(acc + 8 * V);
        FloatVector a21 = load(acc + 9 * V);
        FloatVector a22 = load(acc + 10 * V);
        FloatVector a23 = load(acc + 11 * V);
        FloatVector a30 = load(acc + 12 * V);
        FloatVector a31 = load(acc + 13 * V);
        FloatVector a32 = load(acc + 14 * V);
        FloatVector a33 = load(acc + 15 * V);
        FloatVector a40 = load(acc + 16 * V);
        FloatVector a41 = load(acc + 17 * V);
        FloatVector a42 = load(acc + 18 * V);
        FloatVector a43 = load(acc + 19 * V);
        FloatVector a50 = load(acc + 20 * V);
        FloatVector a51 = load(acc + 21 * V);
        FloatVector a52 = load(acc + 22 * V);
        FloatVector a53 = load(acc + 23 * V);
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
