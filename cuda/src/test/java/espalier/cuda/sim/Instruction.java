package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;

/**
 * A decoded instruction: {@link Decoder} resolves its operands to register slots once and captures them in its body, which
 * then runs for the lanes of a warp.
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
    private static final int SHOWN = 60;

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
        return where + " `" + (text.length() > SHOWN ? text.substring(0, SHOWN) + "..." : text) + "`";
    }
}
