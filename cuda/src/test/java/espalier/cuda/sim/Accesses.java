package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.OUT_OF_BOUNDS;
import static espalier.cuda.sim.Finding.Kind.RACE_IN_WARP;

/**
 * What ld, st, atom and red do for the lanes of a warp (PTX ISA 9.7.9.8 to 9.7.9.13, 9.7.13.6, 9.7.13.7), once the decoder
 * has found their operands. A generic access is one access for each state space that its lanes' addresses lie in.
 */
final class Accesses {
    /** Elements of {@code bytes} each in 32- or 64-bit ({@code wide}) registers; {@code signed} ones are extended. */
    record Vector(int[] slots, int bytes, boolean wide, boolean signed) {
        int total() {
            return bytes * slots.length;
        }
    }

    /** An access by the lanes in {@code m} to one memory, at addresses of its own. */
    private interface Part {
        void run(Memory memory, int m, long[] at);
    }

    private Accesses() {}

    /** Splits an access by memory; that of parameters is null. */
    private static void split(Warp w, Instruction in, Space space, int m, long[] at, Part part) {
        if (space == Space.GLOBAL) {
            part.run(w.block.sim.global, m, at);
        } else if (space == Space.LOCAL) {
            part.run(w.local(), m, w.interleaved(at));
        } else if (space == Space.PARAM) {
            part.run(null, m, at);
        } else if (space == Space.SHARED) {
            shared(w, in, m, at, part);
        } else {
            generic(w, in, m, at, part);
        }
    }

    private static void generic(Warp w, Instruction in, int m, long[] at, Part part) {
        for (int rest = m; rest != 0; ) {
            Space space = Space.of(at[Integer.numberOfTrailingZeros(rest)]);
            int here = 0;
            long[] within = new long[Alu.LANES];
            for (int s = rest; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s);
                if (Space.of(at[l]) == space) {
                    here |= 1 << l;
                    within[l] = at[l] - space.base;
                }
            }
            split(w, in, space, here, within, part);
            rest &= ~here;
        }
    }

    private static void shared(Warp w, Instruction in, int m, long[] at, Part part) {
        for (int rest = m; rest != 0; ) {
            int rank = (int) (at[Integer.numberOfTrailingZeros(rest)] >>> Block.RANK), here = 0;
            long[] within = new long[Alu.LANES];
            for (int s = rest; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s);
                if ((int) (at[l] >>> Block.RANK) == rank) {
                    here |= 1 << l;
                    within[l] = at[l] & (1 << Block.RANK) - 1;
                }
            }
            Block there = w.block.at(rank << Block.RANK);
            if (there == null || there != w.block && there.over()) {
                w.report(
                        OUT_OF_BOUNDS,
                        in,
                        there == null ? "no block of the cluster has that address" : "the block has ended");
            } else {
                part.run(there.shared, here, within);
            }
            rest &= ~here;
        }
    }

    /** The memory that all lanes access, in the common cases: their addresses then need no change. Else null. */
    private static Memory one(Warp w, Space space, int m, long[] at) {
        if (space == Space.GLOBAL) {
            return w.block.sim.global;
        }
        long all = 0;
        for (int l = 0; l < Alu.LANES; l++) {
            all |= (m >> l & 1) != 0 ? at[l] : 0;
        }
        return space == Space.SHARED && all >>> Block.RANK == 0 ? w.block.shared : null;
    }

    static void load(Warp w, Instruction in, Space space, int m, long[] at, Vector v) {
        Memory only = one(w, space, m, at);
        if (only != null) {
            load(w, in, m, only, at, v);
            return;
        }
        split(w, in, space, m, at, (memory, here, addresses) -> {
            if (memory == null) {
                loadParams(w, in, here, addresses, v);
            } else {
                load(w, in, here, memory, addresses, v);
            }
        });
    }

    private static void load(Warp w, Instruction in, int m, Memory memory, long[] at, Vector v) {
        int[] index = w.scratch;
        int bytes = v.bytes;
        w.counters().access(in, at, m, v.total(), memory);
        memory.forReads(w, in, m, at, v.total(), index);
        for (int k = 0; k < v.slots.length; k++) {
            if (bytes == 4 && !v.wide) {
                int[] to = w.r[v.slots[k]];
                for (int s = m; s != 0; s &= s - 1) {
                    int l = Integer.numberOfTrailingZeros(s);
                    to[l] = index[l] < 0 ? -1 : Memory.getInt(memory.data, index[l] + k * 4);
                }
                continue;
            }
            for (int s = m; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s);
                put(w, v, k, l, index[l] < 0 ? -1 : Memory.get(memory.data, index[l] + k * bytes, bytes));
            }
        }
    }

    private static void put(Warp w, Vector v, int k, int lane, long bits) {
        long x = v.signed ? bits << 64 - 8 * v.bytes >> 64 - 8 * v.bytes : bits;
        if (v.wide) {
            w.q[v.slots[k]][lane] = x;
        } else {
            w.r[v.slots[k]][lane] = (int) x;
        }
    }

    private static long get(Warp w, Vector v, int k, int lane) {
        return v.wide ? w.q[v.slots[k]][lane] : w.r[v.slots[k]][lane];
    }

    private static void loadParams(Warp w, Instruction in, int m, long[] at, Vector v) {
        byte[] params = w.block.params;
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            boolean inside = at[l] >= 0 && at[l] + v.total() <= params.length;
            if (!inside) {
                w.report(OUT_OF_BOUNDS, in, "lane " + l + " reads past the parameters");
            }
            for (int k = 0; k < v.slots.length; k++) {
                put(w, v, k, l, inside ? Memory.get(params, (int) at[l] + k * v.bytes, v.bytes) : -1);
            }
        }
    }

    static void store(Warp w, Instruction in, Space space, int m, long[] at, Vector v) {
        Memory only = one(w, space, m, at);
        if (only != null) {
            store(w, in, m, only, at, v);
            return;
        }
        split(w, in, space, m, at, (memory, here, addresses) -> {
            if (memory == null) {
                w.report(OUT_OF_BOUNDS, in, "writes to the kernel's parameters");
            } else {
                store(w, in, here, memory, addresses, v);
            }
        });
    }

    /** All lanes are checked before the first is recorded, as they write at the same time. */
    private static void store(Warp w, Instruction in, int m, Memory memory, long[] at, Vector v) {
        int[] index = w.scratch;
        int bytes = v.bytes;
        w.counters().access(in, at, m, v.total(), memory);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            index[l] = memory.forWrite(w, in, l, at[l], v.total());
        }
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = index[l];
            if (i < 0) {
                continue;
            }
            boolean again = memory.wrote(w, in, l, i, v.total());
            for (int k = 0; k < v.slots.length; k++) {
                long x = get(w, v, k, l);
                if (again && (Memory.get(memory.data, i + k * bytes, bytes) ^ x) << 64 - 8 * bytes != 0) {
                    w.report(
                            RACE_IN_WARP,
                            in,
                            "lane " + l + " and another lane write different values to " + memory.describe(i));
                }
                Memory.put(memory.data, i + k * bytes, bytes, x);
            }
        }
    }

    /**
     * ld and st with a memory order, and volatile ones. A load that sees what it saw before waits for somebody: the others
     * go first.
     */
    static void strong(
            Warp w, Instruction in, Space space, int m, long[] at, Vector v, boolean load, Races.Order order) {
        long[] saw = {1};
        split(w, in, space, m, at, (memory, here, addresses) -> {
            if (memory == null) {
                loadParams(w, in, here, addresses, v);
                return;
            }
            w.counters().access(in, addresses, here, v.total(), memory);
            for (int s = here; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s);
                int i = memory.forStrong(w, in, l, addresses[l], v.total(), load, !load, order);
                for (int k = 0; k < v.slots.length; k++) {
                    if (load) {
                        long x = i < 0 ? -1 : Memory.get(memory.data, i + k * v.bytes, v.bytes);
                        put(w, v, k, l, x);
                        saw[0] = (saw[0] * 31 + addresses[l]) * 31 + x;
                    } else if (i >= 0) {
                        Memory.put(memory.data, i + k * v.bytes, v.bytes, get(w, v, k, l));
                    }
                }
            }
        });
        Long before = load ? w.looked.put(in, saw[0]) : null;
        if (before != null && before == saw[0]) {
            w.parked |= m;
        } else {
            w.block.changed();
        }
        if (order.releases) {
            w.tick();
        }
    }

    /** What an atomic does: its operands' slots (-1: none), in registers of {@code bytes}. */
    record Atomic(int bytes, int result, int operand, int swap, Races.Order order, Alu.Update update) {}

    /** atom and red, lane after lane. {@code swap}: of cas, what is written where the operand is found. */
    static void atomic(Warp w, Instruction in, Space space, int m, long[] at, Atomic a) {
        split(w, in, space, m, at, (memory, here, addresses) -> {
            if (memory == null) {
                w.report(OUT_OF_BOUNDS, in, "an atomic on the kernel's parameters");
                return;
            }
            w.counters().access(in, addresses, here, a.bytes, memory);
            for (int s = here; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s);
                int i = memory.forStrong(w, in, l, addresses[l], a.bytes, true, true, a.order);
                long old = i < 0 ? -1 : Memory.get(memory.data, i, a.bytes), x = operand(w, a, a.operand, l);
                if (i >= 0 && a.swap < 0) {
                    Memory.put(memory.data, i, a.bytes, a.update.of(old, x));
                } else if (i >= 0 && (old ^ x) << 64 - 8 * a.bytes == 0) {
                    Memory.put(memory.data, i, a.bytes, operand(w, a, a.swap, l));
                }
                if (a.result >= 0 && a.bytes == 8) {
                    w.q[a.result][l] = old;
                } else if (a.result >= 0) {
                    w.r[a.result][l] = (int) old;
                }
            }
        });
        w.block.changed();
        if (a.order.releases) {
            w.tick();
        }
    }

    private static long operand(Warp w, Atomic a, int slot, int lane) {
        return a.bytes == 8 ? w.q[slot][lane] : w.r[slot][lane];
    }
}
