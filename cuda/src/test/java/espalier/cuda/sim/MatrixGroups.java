package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;
import static espalier.cuda.sim.Finding.Kind.MISSING_FENCE;
import static espalier.cuda.sim.Finding.Kind.MISSING_WAIT;
import static espalier.cuda.sim.Finding.Kind.RACE;
import static espalier.cuda.sim.Fragments.cColumn;
import static espalier.cuda.sim.Fragments.cRow;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/**
 * wgmma of one warp and its groups (PTX ISA 9.7.15): m64nNk, of which each warp of four computes 16 rows.
 *
 * <p>A product happens at both ends of the time that the program leaves it. At the issue its operands are checked (they
 * may be read from now on) and its accumulators become NaN; at the wait it reads, multiplies and writes. What changes its
 * operands in between, or uses its accumulators, is found.
 */
final class MatrixGroups {
    private static final int ROWS = 16, DEPTH_BYTES = 32, PIECE = 16;

    /** Registers and descriptors: {@code a} is null where A lies in shared memory, behind {@code da}. */
    record Operands(int[] d, int[] a, int da, int db, int add, int n, boolean transposed, Fragments.Element element) {}

    /** {@code was} and {@code sum}: what A's registers and shared memory held at the issue. */
    private record Multiply(
            Instruction in, Operands o, int[][] was, long da, long db, long sum, boolean add, int group) {}

    private final Warp warp;
    private final List<Multiply> multiplies = new ArrayList<>();
    private int group;
    private boolean fenced; // wgmma.fence has come since the last wait
    /** Values so far of the registers that wgmmas are writing, by slot. Null: none. */
    private int[][] accumulating;

    MatrixGroups(Warp warp) {
        this.warp = warp;
    }

    void clear() {
        multiplies.clear();
        accumulating = null;
        fenced = false;
        group = 0;
    }

    /** The warp has ended: nothing may be open. */
    void atEnd() {
        for (Multiply m : multiplies) {
            warp.report(MISSING_WAIT, m.in, "the wgmma is never waited for");
        }
    }

    void fence() {
        fenced = true;
    }

    void commit() {
        group++;
    }

    boolean isOpen() {
        return accumulating != null;
    }

    /** An instruction between wgmma and its wait must leave the accumulators alone. */
    void checkRegisters(Instruction in) {
        for (int slot : in.touched) {
            if (accumulating[slot] != null) {
                warp.report(MISSING_WAIT, in, "uses a register that a wgmma is still writing");
                return;
            }
        }
    }

    void issue(Instruction in, int m, Operands o) {
        if (m != -1) {
            warp.report(DIVERGENCE, in, "only lanes " + Instruction.hex(m));
        }
        if (!fenced) {
            warp.report(MISSING_FENCE, in, "no wgmma.fence since the start or the last wait");
        }
        long[] da = o.a == null ? warp.q[o.da] : null, db = warp.q[o.db];
        for (int l = 1; l < Alu.LANES; l++) {
            if (da != null && da[l] != da[0] || db[l] != db[0]) {
                warp.report(DIVERGENCE, in, "lane " + l + " has another descriptor");
            }
        }
        poison(o.d);
        warp.counters().tensor(in, 2L * ROWS * o.n * depth(o));
        long sum = 0;
        if (warp.block.sim.checked) { // the reads may begin now
            sum = (da == null ? 0 : tile(in, o, da[0], warp.id % 4 * ROWS, ROWS, false, null))
                    + tile(in, o, db[0], 0, o.n, o.transposed, null);
        }
        int[][] was = o.a == null
                ? null
                : Arrays.stream(o.a).mapToObj(slot -> warp.r[slot].clone()).toArray(int[][]::new);
        boolean add = (warp.p[o.add] & 1) != 0;
        multiplies.add(new Multiply(in, o, was, da == null ? 0 : da[0], db[0], sum, add, group));
    }

    private static int depth(Operands o) {
        return DEPTH_BYTES * 8 / o.element.bits;
    }

    private void poison(int[] d) {
        if (accumulating == null) {
            accumulating = new int[warp.r.length][];
        }
        for (int slot : d) {
            if (accumulating[slot] == null) {
                accumulating[slot] = warp.r[slot].clone();
                Arrays.fill(warp.r[slot], -1);
            }
        }
    }

    /** wait_group n: the groups before the last n are done; here they read, multiply and write. */
    void await(int n) {
        for (Iterator<Multiply> it = multiplies.iterator(); it.hasNext(); ) {
            Multiply x = it.next();
            if (x.group < group - n) {
                complete(x);
                it.remove();
            }
        }
        fenced = false;
        if (accumulating == null) {
            return;
        }
        int[][] busy = multiplies.isEmpty() ? null : new int[warp.r.length][];
        for (Multiply x : multiplies) {
            for (int slot : x.o.d) {
                busy[slot] = accumulating[slot];
            }
        }
        for (int k = 0; k < accumulating.length; k++) {
            if (accumulating[k] != null && (busy == null || busy[k] == null)) {
                System.arraycopy(accumulating[k], 0, warp.r[k], 0, Alu.LANES);
            }
        }
        accumulating = busy;
    }

    private void complete(Multiply x) {
        for (int k = 0; x.was != null && k < x.was.length; k++) { // it reads A until now
            if (!Arrays.equals(warp.r[x.o.a[k]], x.was[k])) {
                warp.report(MISSING_WAIT, x.in, "A's register " + k + " changes while the wgmma reads it");
            }
        }
        long sum = multiply(x);
        if (warp.block.sim.checked && sum != x.sum) {
            warp.report(RACE, x.in, "its operands in shared memory change while the wgmma reads them");
        }
    }

    /** Multiplies into the accumulators; returns a sum of the bytes read. */
    private long multiply(Multiply x) {
        Operands o = x.o;
        int depth = depth(o), n = o.n;
        float[] a = new float[ROWS * depth],
                rows = new float[n * depth],
                b = new float[depth * n],
                c = new float[ROWS * n];
        long sum = 0;
        if (o.a == null) {
            sum = tile(x.in, o, x.da, warp.id % 4 * ROWS, ROWS, false, a);
        } else {
            fragment(o, depth, a);
        }
        sum += tile(x.in, o, x.db, 0, n, o.transposed, rows);
        for (int col = 0; col < n; col++) {
            for (int k = 0; k < depth; k++) {
                b[k * n + col] = rows[col * depth + k];
            }
        }
        for (int k = 0; k < o.d.length && x.add; k++) {
            for (int l = 0; l < Alu.LANES; l++) {
                c[cRow(l, k) * n + cColumn(l, k)] = Alu.f(accumulating[o.d[k]][l]);
            }
        }
        for (int r = 0; r < ROWS; r++) {
            for (int k = 0; k < depth; k++) {
                row(c, r * n, a[r * depth + k], b, k * n, n);
            }
        }
        for (int k = 0; k < o.d.length; k++) {
            for (int l = 0; l < Alu.LANES; l++) {
                accumulating[o.d[k]][l] = Alu.bits(c[cRow(l, k) * n + cColumn(l, k)]);
            }
        }
        return sum;
    }

    private static void row(float[] c, int at, float a, float[] b, int from, int n) {
        for (int x = 0; x < n; x++) {
            c[at + x] += a * b[from + x];
        }
    }

    private void fragment(Operands o, int depth, float[] a) { // as mma's A
        int e = o.element.perRegister();
        for (int k = 0; k < o.a.length; k++) {
            int[] from = warp.r[o.a[k]];
            for (int l = 0; l < Alu.LANES; l++) {
                int at = Fragments.aRow(l, k) * depth + Fragments.aColumn(l, k, e);
                for (int x = 0; x < e; x++) {
                    a[at + x] = o.element.value(from[l] >>> o.element.bits * x);
                }
            }
        }
    }

    /** Reads (or, with {@code out} null, only checks) 32 bytes of each row as floats; returns a sum of the bytes. */
    private long tile(Instruction in, Operands o, long descriptor, int row, int rows, boolean transposed, float[] out) {
        Memory shared = warp.block.shared;
        int bytes = o.element.bits / 8, elements = PIECE / bytes, depth = depth(o);
        long sum = 0;
        for (int piece = 0; piece < rows * 2; piece++) { // of 16 bytes: along k, or along the rows
            int r = transposed ? piece / ROWS * 8 : piece / 2, k = transposed ? piece % ROWS : piece % 2 * elements;
            int at = transposed
                    ? Fragments.transposedAddress(descriptor, row + r, k)
                    : Fragments.descriptorAddress(descriptor, row + r, k * bytes);
            int i = shared.forRead(warp, in, Races.WARP, at, PIECE);
            if (i >= 0 && warp.block.sim.checked && !shared.races.fenced(warp, i, PIECE)) {
                warp.report(
                        MISSING_FENCE,
                        in,
                        "reads " + shared.describe(i)
                                + ", which an ordinary store has written, with no fence.proxy.async in between");
            }
            if (i >= 0) {
                sum = (sum * 31 + Memory.get(shared.data, i, 8)) * 31 + Memory.get(shared.data, i + 8, 8);
            }
            for (int e = 0; out != null && e < elements; e++) {
                float x = i < 0 ? Float.NaN : o.element.value((int) Memory.get(shared.data, i + bytes * e, bytes));
                out[transposed ? (r + e) * depth + k : r * depth + k + e] = x;
            }
        }
        return sum;
    }
}
