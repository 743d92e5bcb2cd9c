package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;
import static espalier.cuda.sim.Finding.Kind.MISSING_FENCE;

/**
 * Matrix instructions (PTX ISA 9.7.14.5 mma, ldmatrix; 9.7.15 wgmma): fragment layouts, descriptors, swizzles. The
 * layouts are compared with CuTe's tables in {@code Layouts}. Sums are in f32, k ascending; the real order differs.
 */
final class TensorCore {
    private static final int[] NONE = new int[32];

    private TensorCore() {}

    /** m16n8k16: row of A in register {@code k}, and its first column (the upper half is column + 1). */
    static int aRow(int lane, int k) {
        return lane / 4 + k % 2 * 8;
    }

    static int aColumn(int lane, int k) {
        return lane % 4 * 2 + k / 2 * 8;
    }
    /** First row (k) of B in register {@code k}; its column is lane / 4. */
    static int bRow(int lane, int k) {
        return lane % 4 * 2 + k * 8;
    }
    /** Row and column of element {@code k} of C and D; also of wgmma's D within the warp's 16 rows. */
    static int cRow(int lane, int k) {
        return lane / 4 + k / 2 % 2 * 8;
    }

    static int cColumn(int lane, int k) {
        return lane % 4 * 2 + k % 2 + k / 4 * 8;
    }

    /** Byte address bits 4 to 6, exclusive-or bits 7 to 9: mode 3 is 128 bytes, 2 is 64, 1 is 32, 0 none. */
    static int swizzle(int address, int mode) {
        return address ^ address >> 3 & (0x70 >> 3 - mode & 0x70);
    }

    /** Address of row {@code r}, byte {@code k} of a K-major operand behind a wgmma descriptor. */
    static int descriptorAddress(long d, int r, int k) {
        int mode = switch ((int) (d >>> 62)) {
            case 1 -> 3;
            case 2 -> 2;
            case 3 -> 1;
            default -> 0;
        };
        int width = 16 << mode, start = (int) (d & 0x3fff) << 4;
        int leading = (int) (d >>> 16 & 0x3fff) << 4, stride = (int) (d >>> 32 & 0x3fff) << 4;
        return swizzle(start + r / 8 * stride + r % 8 * width + k % width + k / width * leading, mode);
    }

    /** The same for an MN-major operand (8 k of 64 rows are 1,024 bytes; 128-byte swizzle only); {@code r} even by 8. */
    static int transposedAddress(long d, int r, int k) {
        if (d >>> 62 != 1) throw new PtxParser.Unsupported("an MN-major operand without 128-byte swizzle");
        int start = (int) (d & 0x3fff) << 4,
                leading = (int) (d >>> 16 & 0x3fff) << 4,
                stride = (int) (d >>> 32 & 0x3fff) << 4;
        return swizzle(start + r / 64 * leading + k / 8 * stride + k % 8 * 128 + r % 64 * 2, 3);
    }

    /** Reads (or, with {@code out} null, only checks) rows of 16 bf16 as floats; returns a sum of the bytes. */
    static long tile(Warp w, Instruction in, long descriptor, int row, int rows, boolean transposed, float[] out) {
        Memory shared = w.block.shared;
        long sum = 0;
        for (int piece = 0; piece < rows * 2; piece++) { // of 8: along k, or along the rows
            int r = transposed ? piece / 16 * 8 : piece / 2, k = transposed ? piece % 16 : piece % 2 * 8;
            int at = transposed
                    ? transposedAddress(descriptor, row + r, k)
                    : descriptorAddress(descriptor, row + r, k * 2);
            int i = shared.forRead(w, in, Races.WARP, at, 16);
            if (i >= 0 && w.block.sim.checked && !shared.races.fenced(w, i, 16)) {
                w.report(
                        MISSING_FENCE,
                        in,
                        "reads " + shared.describe(i)
                                + ", which an ordinary store has written, with no fence.proxy.async in between");
            }
            if (i >= 0) sum = (sum * 31 + Memory.get(shared.data, i, 8)) * 31 + Memory.get(shared.data, i + 8, 8);
            for (int e = 0; out != null && e < 8; e++) {
                int x = i < 0 ? 0x7fff : (int) Memory.get(shared.data, i + 2 * e, 2);
                out[transposed ? (r + e) * 16 + k : r * 16 + k + e] = Alu.bf16(x);
            }
        }
        return sum;
    }

    /** One warp's part of m64nNk16: 16 rows of A, all of B, accumulators {@code d} in {@code registers}; sum of the bytes. */
    static long wgmma(
            Warp w,
            Instruction in,
            int[] d,
            int n,
            int[] ra,
            long da,
            long db,
            boolean transposed,
            boolean add,
            int[][] registers) {
        float[] a = new float[16 * 16], bt = new float[n * 16], b = new float[16 * n], c = new float[16 * n];
        long sum = 0;
        if (ra == null) sum = tile(w, in, da, w.id % 4 * 16, 16, false, a);
        else fragment(w, ra, a);
        sum += tile(w, in, db, 0, n, transposed, bt);
        for (int x = 0; x < n; x++) for (int k = 0; k < 16; k++) b[k * n + x] = bt[x * 16 + k];
        for (int k = 0; k < d.length && add; k++) {
            for (int l = 0; l < 32; l++) c[cRow(l, k) * n + cColumn(l, k)] = Alu.f(registers[d[k]][l]);
        }
        for (int r = 0; r < 16; r++) for (int k = 0; k < 16; k++) row(c, r * n, a[r * 16 + k], b, k * n, n);
        for (int k = 0; k < d.length; k++) {
            for (int l = 0; l < 32; l++) registers[d[k]][l] = Alu.bits(c[cRow(l, k) * n + cColumn(l, k)]);
        }
        return sum;
    }

    private static void fragment(Warp w, int[] ra, float[] a) { // as mma's A
        for (int k = 0; k < 4; k++) {
            for (int l = 0; l < 32; l++) {
                int at = aRow(l, k) * 16 + aColumn(l, k), v = w.r[ra[k]][l];
                a[at] = Alu.bf16(v & 0xffff);
                a[at + 1] = Alu.bf16(v >>> 16);
            }
        }
    }

    private static void row(float[] c, int at, float a, float[] b, int from, int n) {
        for (int x = 0; x < n; x++) c[at + x] += a * b[from + x];
    }

    /** mma.sync.m16n8k16, or k8 with half the registers of a and b: f32 += bf16 x bf16 or f16 x f16. */
    static void mma(Warp w, Instruction in, int m, int[] d, int[] a, int[] b, int[] c, boolean bf16) {
        if (m != -1) w.report(DIVERGENCE, in, "only lanes " + Instruction.hex(m));
        float[] fa = w.block.matrixA, fb = w.block.matrixB, fc = w.block.matrixC;
        for (int k = 0; k < 4; k++) {
            int[] ra = k < a.length ? w.r[a[k]] : NONE, rc = w.r[c[k]];
            for (int l = 0; l < 32; l++) {
                int at = aRow(l, k) * 16 + aColumn(l, k);
                fa[at] = value(ra[l], bf16);
                fa[at + 1] = value(ra[l] >>> 16, bf16);
                fc[cRow(l, k) * 8 + cColumn(l, k)] = Alu.f(rc[l]);
            }
        }
        for (int k = 0; k < 2; k++) {
            int[] rb = k < b.length ? w.r[b[k]] : NONE;
            for (int l = 0; l < 32; l++) {
                int at = bRow(l, k) * 8 + l / 4;
                fb[at] = value(rb[l], bf16);
                fb[at + 8] = value(rb[l] >>> 16, bf16);
            }
        }
        for (int r = 0; r < 16; r++) row8(fc, r * 8, fa, r * 16, fb);
        for (int k = 0; k < 4; k++) {
            int[] rd = w.r[d[k]];
            for (int l = 0; l < 32; l++) rd[l] = Alu.bits(fc[cRow(l, k) * 8 + cColumn(l, k)]);
        }
        w.counters().tensor(in, 2L * 16 * 8 * 4 * a.length);
    }

    private static float value(int x, boolean bf16) {
        return bf16 ? Alu.bf16(x) : Float.float16ToFloat((short) x);
    }

    private static void row8(float[] c, int at, float[] a, int from, float[] b) { // eight sums in registers
        float c0 = c[at], c1 = c[at + 1], c2 = c[at + 2], c3 = c[at + 3];
        float c4 = c[at + 4], c5 = c[at + 5], c6 = c[at + 6], c7 = c[at + 7];
        for (int k = 0; k < 16; k++) {
            float x = a[from + k];
            int z = k * 8;
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
        for (int l = 0; l < 32; l++) {
            int row = l / 4, column = l % 4 * 2, shift = row % 2 * 16;
            int low = from[column * 4 + row / 2] >>> shift & 0xffff,
                    high = from[column * 4 + 4 + row / 2] >>> shift & 0xffff;
            w.r[d][l] = low | high << 16;
        }
    }

    /** ldmatrix m8n8 b16: lanes 8k to 8k+7 give matrix k's rows; lane l gets row l/4, column 2(l%4) and the next. */
    static void loadMatrix(Warp w, Instruction in, int m, int[] d, long[] at, boolean transposed) {
        Memory shared = w.block.shared;
        int rows = 8 * d.length;
        if (m != -1) w.report(DIVERGENCE, in, "only lanes " + Instruction.hex(m));
        w.counters().access(in, at, rows == 32 ? -1 : (1 << rows) - 1, 16, true);
        short[] x = w.block.matrices;
        for (int row = 0; row < rows; row++) {
            int i = shared.forRead(w, in, Races.WARP, at[row], 16);
            for (int c = 0; c < 8; c++) x[row * 8 + c] = i < 0 ? -1 : (short) Memory.get(shared.data, i + 2 * c, 2);
        }
        for (int k = 0; k < d.length; k++) {
            for (int l = 0; l < 32; l++) {
                int row = l / 4, column = l % 4 * 2;
                int at0 = k * 64 + (transposed ? column * 8 + row : row * 8 + column);
                w.r[d[k]][l] = x[at0] & 0xffff | x[at0 + (transposed ? 8 : 1)] << 16;
            }
        }
    }
}
