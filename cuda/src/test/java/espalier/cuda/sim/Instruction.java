package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;
import static espalier.cuda.sim.Finding.Kind.RACE_IN_WARP;

/**
 * A decoded instruction: {@link Decoder} resolves its operands to register slots once and captures them in its body.
 * Here are also the bodies of ld, st and shfl (PTX ISA 9.7.9); arithmetic is in {@link Alu}, barriers in {@link Block},
 * asynchronous copies and mbarriers in {@link AsyncCopies}, matrices in {@link TensorCore}.
 */
final class Instruction {
    /** How {@link Warp} treats it: runs for its lanes, jumps, ends lanes, or needs all its lanes at one place. */
    enum Kind {
        PLAIN,
        BRANCH,
        EXIT,
        COLLECTIVE
    }

    /** Executes it for the lanes in {@code m}, which is not 0. */
    interface Body {
        void run(Warp w, Instruction in, int m);
    }
    /** The lanes that a collective needs together, given those that are here. */
    interface Members {
        int of(Warp w, Instruction in, int m);
    }

    static final Members ALL = (w, in, m) -> -1;
    static final Members LIVE = (w, in, m) -> w.live;

    final Kind kind;
    final Body body;
    final Members members;
    int pc, target;
    /** The predicate's slot, or -1. */
    int predicate = -1;

    boolean negated;
    /** Where its statement starts in the PTX without comments. */
    int position;
    /** The instruction's text, and the .cu line as .loc gives it, with the chain of inlined places. */
    String text, where;
    /** 32-bit slots that it names: to find uses of registers that a wgmma is still writing. */
    int[] touched = {};

    Instruction(Kind kind, Members members, Body body) {
        this.kind = kind;
        this.members = members;
        this.body = body;
    }

    static Instruction plain(Body body) {
        return new Instruction(Kind.PLAIN, null, body);
    }

    static Instruction collective(Members need, Body body) {
        return new Instruction(Kind.COLLECTIVE, need, body);
    }
    /** A .sync instruction whose member mask is in a register; a lane outside its own mask is undefined behaviour. */
    static Instruction masked(int slot, Body body) {
        return collective(
                (w, in, m) -> {
                    int mask = w.r[slot][Integer.numberOfTrailingZeros(m)];
                    if ((m & ~mask) != 0) {
                        w.report(DIVERGENCE, in, "lanes " + hex(m & ~mask) + " are not in the mask " + hex(mask));
                    }
                    return mask;
                },
                body);
    }

    static String hex(int m) {
        return Integer.toHexString(m);
    }

    String mnemonic() {
        return text.split("\\s", 2)[0];
    }

    @Override
    public String toString() {
        return where + " `" + (text.length() > 60 ? text.substring(0, 60) + "..." : text) + "`";
    }

    /** shfl.sync (9.7.9.6); {@code c} holds the clamp in bits 0-4 and the segment mask in bits 8-12. */
    static void shuffle(Warp w, Instruction in, int m, char mode, int d, int p, int[] a, int[] b, int[] c) {
        System.arraycopy(a, 0, w.scratch, 0, 32);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), by = b[l] & 31, segment = c[l] >>> 8 & 31;
            int bound = l & segment | c[l] & 31 & ~segment;
            int from = switch (mode) {
                case 'u' -> l - by;
                case 'd' -> l + by;
                case 'b' -> l ^ by;
                default -> l & segment | by & ~segment;
            };
            boolean ok = mode == 'u' ? from >= bound : from <= bound;
            if (!ok) from = l;
            if ((m >> from & 1) == 0) {
                w.report(DIVERGENCE, in, "lane " + l + " reads lane " + from + ", which does not take part");
            }
            w.r[d][l] = w.scratch[from];
            if (p >= 0) w.p[p] = ok ? w.p[p] | 1 << l : w.p[p] & ~(1 << l);
        }
    }

    /** ld: {@code slots.length} elements of {@code bytes} each into 32- or 64-bit ({@code wide}) registers. */
    static void load(
            Warp w,
            Instruction in,
            int m,
            Memory memory,
            long[] at,
            int[] slots,
            int bytes,
            boolean wide,
            boolean signed) {
        int[] index = w.scratch;
        w.counters().access(in, at, m, bytes * slots.length, memory == w.block.shared);
        memory.forReads(w, in, m, at, bytes * slots.length, index);
        for (int k = 0; k < slots.length; k++) {
            for (int s = m; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s), i = index[l] + k * bytes;
                if (bytes == 4 && !wide) {
                    w.r[slots[k]][l] = index[l] < 0 ? -1 : Memory.getInt(memory.data, i);
                    continue;
                }
                long v = index[l] < 0 ? -1 : Memory.get(memory.data, i, bytes);
                if (signed) v = v << 64 - 8 * bytes >> 64 - 8 * bytes;
                if (wide) w.q[slots[k]][l] = v;
                else w.r[slots[k]][l] = (int) v;
            }
        }
    }

    /** st: all lanes are checked before the first is recorded, as they write at the same time. */
    static void store(Warp w, Instruction in, int m, Memory memory, long[] at, int[] slots, int bytes, boolean wide) {
        int[] index = w.scratch;
        int total = bytes * slots.length;
        w.counters().access(in, at, m, total, memory == w.block.shared);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            index[l] = memory.forWrite(w, in, l, at[l], total);
        }
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = index[l];
            if (i < 0) continue;
            boolean again = memory.wrote(w, in, l, i, total);
            for (int k = 0; k < slots.length; k++) {
                long v = wide ? w.q[slots[k]][l] : w.r[slots[k]][l];
                if (again && (Memory.get(memory.data, i + k * bytes, bytes) ^ v) << 64 - 8 * bytes != 0) {
                    w.report(
                            RACE_IN_WARP,
                            in,
                            "lane " + l + " and another lane write different values to " + memory.describe(i));
                }
                Memory.put(memory.data, i + k * bytes, bytes, v);
            }
        }
    }

    /** ld and st with a memory order. A load that sees what it saw before waits for somebody: the others go first. */
    static void strong(
            Warp w, Instruction in, int m, long[] at, int[] slots, int bytes, boolean load, Races.Order order) {
        Memory memory = w.block.sim.global;
        int total = bytes * slots.length;
        long saw = 1;
        w.counters().access(in, at, m, total, false);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = memory.forStrong(w, in, l, at[l], total, load, !load, order);
            for (int k = 0; k < slots.length; k++) {
                if (load) {
                    long v = i < 0 ? -1 : Memory.get(memory.data, i + k * bytes, bytes);
                    if (bytes == 8) w.q[slots[k]][l] = v;
                    else w.r[slots[k]][l] = (int) v;
                    saw = (saw * 31 + at[l]) * 31 + v;
                } else if (i >= 0) {
                    Memory.put(memory.data, i + k * bytes, bytes, bytes == 8 ? w.q[slots[k]][l] : w.r[slots[k]][l]);
                }
            }
        }
        Long before = load ? w.looked.put(in, saw) : null;
        if (before != null && before == saw) w.parked |= m;
        else w.block.changed();
        if (order.releases) w.tick();
    }

    /** atom and red, lane after lane; {@code d} -1: no result. */
    static void atomic(Warp w, Instruction in, int m, long[] at, int d, int[] value, Races.Order order, Alu.Update f) {
        Memory memory = w.block.sim.global;
        w.counters().access(in, at, m, 4, false);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = memory.forStrong(w, in, l, at[l], 4, true, true, order);
            int old = i < 0 ? -1 : Memory.getInt(memory.data, i);
            if (i >= 0) Memory.put(memory.data, i, 4, f.of(old, value[l]));
            if (d >= 0) w.r[d][l] = old;
        }
        w.block.changed();
        if (order.releases) w.tick();
    }
}
