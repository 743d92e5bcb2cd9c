package espalier.cuda.sim;

import java.util.List;

/** Instructions that compute registers from registers, lane by lane: those of the tables of {@link Alu}, mov, setp, selp. */
final class ArithmeticDecoder {
    private final Registers names;

    ArithmeticDecoder(Registers names) {
        this.names = names;
    }

    /** Null for what is no arithmetic. */
    Instruction decode(String op, String[] o) {
        if (o.length < 2) {
            return null;
        }
        if (op.startsWith("mov.")) {
            Instruction packed = packed(op, o);
            if (packed != null) {
                return packed;
            }
        }
        if (op.startsWith("lop3.b32")) {
            return o.length == 5
                    ? narrow(
                            Alu.INT.get("lop3.b32#" + Integer.decode(o[4])),
                            List.of(o).subList(0, 4))
                    : null;
        }
        if (Alu.INT.containsKey(op)) {
            return narrow(Alu.INT.get(op), List.of(o));
        }
        if (Alu.LONG.containsKey(op)) {
            return wide(Alu.LONG.get(op), o);
        }
        if (Alu.NARROW.containsKey(op)) {
            var f = Alu.NARROW.get(op);
            int d = names.i(o[0]), a = names.q(o[1]);
            return Instruction.plain((w, in, m) -> {
                f.run(w.scratch, w.q[a]);
                Warp.keep(w.r[d], w.scratch, m);
            });
        }
        if (Alu.LOGIC.containsKey(op)) {
            return logic(op, o);
        }
        return op.startsWith("setp.") ? compare(op, o) : op.startsWith("selp.") ? select(op, o) : null;
    }

    private Instruction narrow(Alu.IntOp f, List<String> o) {
        int d = names.i(o.get(0)), a = names.i(o.get(1)), b = names.i(o.get(o.size() > 2 ? 2 : 1));
        int c = names.i(o.get(o.size() > 3 ? 3 : 1)), e = names.i(o.get(o.size() > 4 ? 4 : 1));
        return Instruction.plain((w, in, m) -> {
            int[][] r = w.r;
            f.run(m == -1 ? r[d] : w.scratch, r[a], r[b], r[c], r[e]);
            if (m != -1) {
                Warp.keep(r[d], w.scratch, m);
            }
        });
    }

    private Instruction wide(Alu.LongForm form, String[] o) {
        int d = names.q(o[0]);
        int[] wide = {d, d, d}, narrow = {0, 0};
        for (int k = 0, x = 0, y = 0; k < form.sources().length(); k++) {
            if (form.sources().charAt(k) == 'q') {
                wide[x++] = names.q(o[k + 1]);
            } else {
                narrow[y++] = names.i(o[k + 1]);
            }
        }
        return Instruction.plain((w, in, m) -> {
            long[] to = m == -1 ? w.q[d] : w.longScratch;
            form.op().run(to, w.q[wide[0]], w.q[wide[1]], w.q[wide[2]], w.r[narrow[0]], w.r[narrow[1]]);
            if (m != -1) {
                Warp.keep(w.q[d], w.longScratch, m);
            }
        });
    }

    /** mov between a register and its parts in braces, and of what is no register: clocks, predicates. */
    private Instruction packed(String op, String[] o) {
        if (o[1].equals("%clock64") || o[1].equals("%globaltimer") || o[1].equals("%clock")) {
            return clock(o);
        }
        if (op.equals("mov.pred") && (o[1].equals("0") || o[1].equals("1") || o[1].equals("-1"))) {
            int d = names.p(o[0]), v = o[1].equals("0") ? 0 : -1;
            return Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | v & m);
        }
        if (o[0].startsWith("{")) {
            return unpack(Registers.elements(o[0]), o[1]);
        }
        return o[1].startsWith("{") ? pack(o[0], Registers.elements(o[1])) : null;
    }

    private Instruction clock(String[] o) {
        boolean wide = names.isWide(o[0]);
        int d = wide ? names.q(o[0]) : names.i(o[0]);
        return Instruction.plain((w, in, m) -> {
            w.block.wave.time += 100;
            for (int l = 0; l < Alu.LANES; l++) {
                if ((m >> l & 1) != 0 && wide) {
                    w.q[d][l] = w.block.wave.time;
                } else if ((m >> l & 1) != 0) {
                    w.r[d][l] = (int) w.block.wave.time;
                }
            }
        });
    }

    private Instruction unpack(List<String> parts, String from) {
        boolean wide = names.isWide(from);
        int source = wide ? names.q(from) : names.i(from), bits = (wide ? 64 : 32) / parts.size();
        int[] d = parts.stream().mapToInt(names::result).toArray();
        int mask = bits == 32 ? -1 : (1 << bits) - 1;
        return Instruction.plain((w, in, m) -> {
            for (int l = 0; l < Alu.LANES; l++) {
                long v = wide ? w.q[source][l] : w.r[source][l];
                for (int k = 0; k < d.length && (m >> l & 1) != 0; k++) {
                    w.r[d[k]][l] = (int) (v >>> bits * k) & mask;
                }
            }
        });
    }

    private Instruction pack(String to, List<String> parts) {
        boolean wide = names.isWide(to);
        int d = wide ? names.q(to) : names.i(to), bits = (wide ? 64 : 32) / parts.size();
        int[] a = parts.stream().mapToInt(names::i).toArray();
        long mask = (1L << bits) - 1;
        return Instruction.plain((w, in, m) -> {
            for (int l = 0; l < Alu.LANES; l++) {
                long v = 0;
                for (int k = 0; k < a.length; k++) {
                    v |= (w.r[a[k]][l] & mask) << bits * k;
                }
                if ((m >> l & 1) != 0 && wide) {
                    w.q[d][l] = v;
                } else if ((m >> l & 1) != 0) {
                    w.r[d][l] = (int) v;
                }
            }
        });
    }

    private Instruction logic(String op, String[] o) {
        var f = Alu.LOGIC.get(op);
        int d = names.p(o[0]), a = names.p(o[1]), b = names.p(o[o.length > 2 ? 2 : 1]);
        return Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | f.run(w.p[a], w.p[b]) & m);
    }

    /** setp.COMPARISON[.LOGIC].TYPE p[|q], a, b[, [!]c]. */
    private Instruction compare(String op, String[] o) {
        String[] t = op.split("\\.");
        boolean combined = t.length > 3 && Alu.LOGIC.containsKey(t[2] + ".pred");
        String test = combined ? op.substring(5).replaceFirst("\\." + t[2], "") : op.substring(5);
        boolean wide = Alu.LONG_TEST.containsKey(test);
        if (!wide && !Alu.TEST.containsKey(test)) {
            return null;
        }
        String[] to = o[0].split("\\|");
        int d = names.p(to[0].strip()), inverse = to.length > 1 ? names.p(to[1].strip()) : -1;
        int a = wide ? names.q(o[1]) : names.i(o[1]), b = wide ? names.q(o[2]) : names.i(o[2]);
        var narrowTest = Alu.TEST.get(test);
        var wideTest = Alu.LONG_TEST.get(test);
        if (!combined && inverse < 0) {
            return wide
                    ? Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | wideTest.run(w.q[a], w.q[b]) & m)
                    : Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | narrowTest.run(w.r[a], w.r[b]) & m);
        }
        var logic = combined ? Alu.LOGIC.get(t[2] + ".pred") : Alu.LOGIC.get("mov.pred");
        boolean not = combined && o[3].startsWith("!");
        int c = combined ? names.p(not ? o[3].substring(1) : o[3]) : 0;
        return Instruction.plain((w, in, m) -> {
            int yes = wide ? wideTest.run(w.q[a], w.q[b]) : narrowTest.run(w.r[a], w.r[b]);
            int with = not ? ~w.p[c] : w.p[c];
            w.p[d] = w.p[d] & ~m | logic.run(yes, with) & m;
            if (inverse >= 0) {
                w.p[inverse] = w.p[inverse] & ~m | logic.run(~yes, with) & m;
            }
        });
    }

    private Instruction select(String op, String[] o) {
        int p = names.p(o[3]);
        if (op.endsWith("64")) {
            int d = names.q(o[0]), a = names.q(o[1]), b = names.q(o[2]);
            return Instruction.plain((w, in, m) -> {
                Warp.keep(w.q[d], w.q[b], m & ~w.p[p]);
                Warp.keep(w.q[d], w.q[a], m & w.p[p]);
            });
        }
        int d = names.i(o[0]), a = names.i(o[1]), b = names.i(o[2]);
        return Instruction.plain((w, in, m) -> {
            Warp.keep(w.r[d], w.r[b], m & ~w.p[p]); // each lane is in one of the two, so d may be a or b
            Warp.keep(w.r[d], w.r[a], m & w.p[p]);
        });
    }
}
