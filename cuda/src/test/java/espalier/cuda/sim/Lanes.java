package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;

import java.util.Arrays;

/**
 * Where the lanes of a warp stand, and which of them go next (PTX ISA 3.1 "SIMT", 9.7.12 control flow).
 *
 * <p>The lanes with the lowest program counter run first, until they jump away, meet other lanes or reach an instruction
 * that needs lanes which are not there yet; those then wait. That is one of the schedules that independent thread
 * scheduling allows; {@link Races} judges the accesses as if every other were possible.
 */
final class Lanes {
    private final Warp warp;
    private final Instruction[] code;
    private final long[] executed, active; // by instruction
    private final int[] pc = new int[Alu.LANES];
    private int waiting; // for others, at a collective
    /** Those that run now, at {@code at}; the next other lane stands at {@code next}. */
    private int mask, at, next, slice;

    Lanes(Warp warp) {
        this.warp = warp;
        code = warp.block.code.code;
        executed = warp.block.executed;
        active = warp.block.lanes;
    }

    void start() {
        Arrays.fill(pc, 0);
        waiting = 0;
    }

    /** Runs until all have ended or wait, or so many instructions are executed. */
    void run(int instructions) {
        slice = instructions;
        while (warp.live != 0 && warp.atBarrier == null && choose()) {
            if (!advance()) {
                move(mask, at);
                warp.block.wave.spend(warp, code[at]);
                return;
            }
        }
    }

    private void move(int m, int to) {
        for (int s = m; s != 0; s &= s - 1) {
            pc[Integer.numberOfTrailingZeros(s)] = to;
        }
    }

    /** Picks those that go next; false if all rest or wait. */
    private boolean choose() {
        int pick = warp.live & ~waiting & ~warp.parked;
        at = next = Integer.MAX_VALUE;
        mask = 0;
        if (pick == 0 && warp.parked != 0) {
            warp.parked = 0;
            return false;
        }
        if (pick == 0) {
            mask = complete();
            waiting &= ~mask;
            at = pc[Integer.numberOfTrailingZeros(mask)];
            return true;
        }
        for (int s = pick; s != 0; s &= s - 1) {
            at = Math.min(at, pc[Integer.numberOfTrailingZeros(s)]);
        }
        for (int s = pick; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            if (pc[l] == at) {
                mask |= 1 << l;
            } else {
                next = Math.min(next, pc[l]);
            }
        }
        return true;
    }

    /** Executes while they stay together; false if the slice is used up. */
    private boolean advance() {
        for (boolean together = true; together; ) {
            if (--slice < 0) {
                return false;
            }
            Instruction in = code[at];
            int m = in.predicate < 0 ? mask : mask & (in.negated ? ~warp.p[in.predicate] : warp.p[in.predicate]);
            executed[at]++;
            active[at] += Integer.bitCount(m);
            if (warp.products.isOpen() && m != 0) {
                warp.products.checkRegisters(in);
            }
            together = switch (in.kind) {
                case PLAIN -> plain(in, m);
                case BRANCH -> branch(in, m);
                case EXIT -> exit(in, m);
                case COLLECTIVE -> collective(in, m);
            };
            if (together && at >= next) {
                move(mask, at);
                together = false;
            }
        }
        return true;
    }

    private boolean plain(Instruction in, int m) {
        if (m != 0) {
            in.body.run(warp, in, m);
        }
        at++;
        if ((warp.parked & mask) != 0) {
            move(mask, at);
            return false;
        }
        return true;
    }

    private boolean branch(Instruction in, int m) {
        if (m == mask) {
            at = in.target;
        } else if (m == 0) {
            at++;
        } else {
            move(m, in.target);
            move(mask & ~m, at + 1);
            return false;
        }
        return true;
    }

    private boolean exit(Instruction in, int m) {
        move(mask, at + 1);
        if (m != 0) {
            in.body.run(warp, in, m);
            warp.block.changed();
            if (warp.live == 0) {
                warp.block.ended();
            }
        }
        return false;
    }

    private boolean collective(Instruction in, int m) {
        if (m == 0) {
            at++;
            return true;
        }
        int here = m | at(at);
        if ((in.members.of(warp, in, here) & warp.live & ~here) != 0) { // some are missing: wait for them
            move(mask & ~m, at + 1);
            move(m, at);
            waiting |= m;
            return false;
        }
        waiting &= ~here;
        in.body.run(warp, in, here);
        at++;
        if (here != mask || warp.atBarrier != null) {
            move(mask | here, at);
            return false;
        }
        return true;
    }

    /** The waiting lanes whose missing partners have ended meanwhile; if there are none, the warp is stuck. */
    private int complete() {
        for (int s = waiting; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), here = at(pc[l]);
            Instruction in = code[pc[l]];
            if ((in.members.of(warp, in, here) & warp.live & ~here) == 0) {
                return here;
            }
        }
        int first = pc[Integer.numberOfTrailingZeros(waiting)], here = at(first), rest = waiting & ~here;
        Instruction in = code[first];
        warp.report(
                DIVERGENCE,
                in,
                "lanes " + Instruction.hex(here) + " wait here for lanes "
                        + Instruction.hex(in.members.of(warp, in, here) & warp.live & ~here)
                        + (rest == 0
                                ? ", which never come"
                                : "; lanes " + Instruction.hex(rest) + " wait at "
                                        + code[pc[Integer.numberOfTrailingZeros(rest)]]));
        throw new Block.Stopped();
    }

    private int at(int where) {
        int m = 0;
        for (int s = waiting; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            if (pc[l] == where) {
                m |= 1 << l;
            }
        }
        return m;
    }

    /** Where the first that has not ended stands. */
    Instruction place() {
        return code[pc[Integer.numberOfTrailingZeros(warp.live)]];
    }
}
