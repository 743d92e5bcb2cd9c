package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;
import static espalier.cuda.sim.Fragments.aColumn;
import static espalier.cuda.sim.Fragments.aRow;
import static espalier.cuda.sim.Fragments.bRow;
import static espalier.cuda.sim.Fragments.cColumn;
import static espalier.cuda.sim.Fragments.cRow;

/**
 * mma.sync, ldmatrix, stmatrix, movmatrix (PTX ISA 9.7.14.5). Sums are in f32 (or int), k ascending; the real order
 * differs.
 */
final class MatrixUnit {
    private static final int N = 8, ROWS = 16;

    /** Registers and types of a product of {@code ROWS} or 8 rows, {@code k} deep. */
    record Product(
            int[] d,
            int[] a,
            int[] b,
            int[] c,
            int rows,
            int k,
            Fragments.Element left,
            Fragments.Element right,
            Sum sum) {
        boolean common() {
            return rows == ROWS && k == ROWS && left == right && left.bits == 16 && sum == Sum.F32;
        }
    }

    /** What C and D are. */
    enum Sum {
        F32,
        F16,
        S32
    }

    private final float[] a = new float[ROWS * 32], b = new float[32 * N], c = new float[ROWS * N];
    private final short[] matrices = new short[256];

    void multiply(Warp w, Instruction in, int m, Product p) {
        if (m != -1) {
            w.report(DIVERGENCE, in, "only lanes " + Instruction.hex(m));
        }
        w.counters().tensor(in, 2L * p.rows * N * p.k);
        readOperands(w, p);
        if (p.sum == Sum.S32) {
            integers(w, p);
            return;
        }
        readSums(w, p);
        if (p.common()) {
            for (int r = 0; r < ROWS; r++) {
                row(r * N, r * ROWS);
            }
        } else {
            for (int r = 0; r < p.rows; r++) {
                for (int k = 0; k < p.k; k++) {
                    for (int x = 0; x < N; x++) {
                        c[r * N + x] += a[r * p.k + k] * b[k * N + x];
                    }
                }
            }
        }
        writeSums(w, p);
    }

    private void readOperands(Warp w, Product p) {
        int e = p.left.perRegister(), bits = p.left.bits;
        for (int k = 0; k < p.a.length; k++) {
            int[] from = w.r[p.a[k]];
            boolean short8 = p.rows == N; // one row in each lane: the registers go on along k
            for (int l = 0; l < Alu.LANES; l++) {
                int at = short8 ? l / 4 * p.k + bRow(l, k, e) : aRow(l, k) * p.k + aColumn(l, k, e);
                for (int x = 0; x < e; x++) {
                    a[at + x] = p.left.value(from[l] >>> bits * x);
                }
            }
        }
        for (int k = 0; k < p.b.length; k++) {
            int[] from = w.r[p.b[k]];
            for (int l = 0; l < Alu.LANES; l++) {
                int at = bRow(l, k, e) * N + l / 4;
                for (int x = 0; x < e; x++) {
                    b[at + x * N] = p.right.value(from[l] >>> bits * x);
                }
            }
        }
    }

    private void readSums(Warp w, Product p) {
        for (int k = 0; k < p.c.length; k++) {
            int[] from = w.r[p.c[k]];
            for (int l = 0; l < Alu.LANES; l++) {
                if (p.sum == Sum.F32) {
                    c[cRow(l, k) * N + cColumn(l, k)] = Alu.f(from[l]);
                } else {
                    int at = cRow(l, 2 * k) * N + cColumn(l, 2 * k);
                    c[at] = Alu.half(from[l]);
                    c[at + 1] = Alu.half(from[l] >>> 16);
                }
            }
        }
    }

    private void writeSums(Warp w, Product p) {
        for (int k = 0; k < p.d.length; k++) {
            int[] to = w.r[p.d[k]];
            for (int l = 0; l < Alu.LANES; l++) {
                if (p.sum == Sum.F32) {
                    to[l] = Alu.bits(c[cRow(l, k) * N + cColumn(l, k)]);
                } else {
                    int at = cRow(l, 2 * k) * N + cColumn(l, 2 * k);
                    to[l] = Alu.toHalf(c[at]) | Alu.toHalf(c[at + 1]) << 16;
                }
            }
        }
    }

    private void integers(Warp w, Product p) {
        int[][] sums = new int[p.d.length][Alu.LANES];
        for (int k = 0; k < p.d.length; k++) {
            for (int l = 0; l < Alu.LANES; l++) {
                int sum = w.r[p.c[k]][l];
                for (int x = 0; x < p.k; x++) {
                    sum += (int) a[cRow(l, k) * p.k + x] * (int) b[x * N + cColumn(l, k)];
                }
                sums[k][l] = sum;
            }
        }
        for (int k = 0; k < p.d.length; k++) {
            System.arraycopy(sums[k], 0, w.r[p.d[k]], 0, Alu.LANES);
        }
    }

    private void row(int at, int from) { // eight sums in registers: this is where prefill attention spends its time
        float c0 = c[at], c1 = c[at + 1], c2 = c[at + 2], c3 = c[at + 3];
        float c4 = c[at + 4], c5 = c[at + 5], c6 = c[at + 6], c7 = c[at + 7];
        for (int k = 0; k < ROWS; k++) {
            float x = a[from + k];
            int z = k * N;
            c0 += x * b[z];
            c1 += x * b[z + 1];
            c2 += x * b[z + 2];
            c3 += x * b[z + 3];
            c4 += x * b[z + 4];
            c5 += x * b[z + 5];
            c6 += x * b[z + 6];
            c7 += x * b[z + 7];
        }
        c[at] = c0;
        c[at + 1] = c1;
        c[at + 2] = c2;
        c[at + 3] = c3;
        c[at + 4] = c4;
        c[at + 5] = c5;
        c[at + 6] = c6;
        c[at + 7] = c7;
    }

    /** movmatrix m8n8 trans b16: each lane gets two neighbours of a row of the transposed matrix. */
    static void transpose(Warp w, int d, int a) {
        int[] from = w.r[a].clone();
        for (int l = 0; l < Alu.LANES; l++) {
            int row = l / 4, column = l % 4 * 2, shift = row % 2 * 16;
            int low = from[column * 4 + row / 2] >>> shift & 0xffff;
            int high = from[column * 4 + 4 + row / 2] >>> shift & 0xffff;
            w.r[d][l] = low | high << 16;
        }
    }

    /** ldmatrix m8n8 b16: lanes 8k to 8k+7 give matrix k's rows; lane l gets row l/4, column 2(l%4) and the next. */
    void load(Warp w, Instruction in, int m, int[] d, long[] at, boolean transposed) {
        Memory shared = w.block.shared;
        int rows = N * d.length;
        if (m != -1) {
            w.report(DIVERGENCE, in, "only lanes " + Instruction.hex(m));
        }
        w.counters().access(in, at, rows == Alu.LANES ? -1 : (1 << rows) - 1, 16, shared);
        for (int row = 0; row < rows; row++) {
            int i = shared.forRead(w, in, Races.WARP, at[row], 16);
            for (int x = 0; x < N; x++) {
                matrices[row * N + x] = i < 0 ? -1 : (short) Memory.get(shared.data, i + 2 * x, 2);
            }
        }
        for (int k = 0; k < d.length; k++) {
            for (int l = 0; l < Alu.LANES; l++) {
                int row = l / 4, column = l % 4 * 2;
                int from = k * N * N + (transposed ? column * N + row : row * N + column);
                w.r[d[k]][l] = matrices[from] & 0xffff | matrices[from + (transposed ? N : 1)] << 16;
            }
        }
    }

    /** stmatrix, its inverse. */
    void store(Warp w, Instruction in, int m, int[] a, long[] at, boolean transposed) {
        Memory shared = w.block.shared;
        int rows = N * a.length;
        if (m != -1) {
            w.report(DIVERGENCE, in, "only lanes " + Instruction.hex(m));
        }
        for (int k = 0; k < a.length; k++) {
            for (int l = 0; l < Alu.LANES; l++) {
                int row = l / 4, column = l % 4 * 2;
                int to = k * N * N + (transposed ? column * N + row : row * N + column);
                matrices[to] = (short) w.r[a[k]][l];
                matrices[to + (transposed ? N : 1)] = (short) (w.r[a[k]][l] >>> 16);
            }
        }
        w.counters().access(in, at, rows == Alu.LANES ? -1 : (1 << rows) - 1, 16, shared);
        for (int row = 0; row < rows; row++) {
            int i = shared.forWrite(w, in, Races.WARP, at[row], 16);
            if (i >= 0) {
                shared.wrote(w, in, Races.WARP, i, 16);
                for (int x = 0; x < N; x++) {
                    Memory.put(shared.data, i + 2 * x, 2, matrices[row * N + x]);
                }
            }
        }
    }
}
