package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.RACE;
import static espalier.cuda.sim.Finding.Kind.RACE_IN_WARP;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who touched each byte last, and whether that is ordered before this access (PTX ISA 8 "Memory Consistency Model", its
 * causality order; the method is FastTrack's epochs, Flanagan and Freund 2009).
 *
 * <p>Each warp has a {@link Clock}; barriers, mbarriers, __syncwarp and ordered atomics advance and join them. An
 * access is one long: block number (28 bits), "other blocks too" (1), clock of the warp (21), warp or copy engine (6),
 * lane (6). One long stands for a 4-byte word; words that are touched in parts have one for each byte ({@code SPLIT}).
 * In shared memory each warp has its own plane of last reads, so nothing is lost; in global memory one plane keeps the
 * last reader and whether several blocks read (in a launch whose blocks run together: the last reader of each block,
 * {@code SETS}). Another lane of the same warp races if the clock did not advance. Shuffles order nothing here, as CUDA
 * documents it.
 *
 * <p>Strong accesses (atom, red, ld and st with .relaxed, .acquire, .release) do not race with each other. A word that
 * they use keeps who used it and what a release has put there ({@link Word}).
 */
final class Races {
    /** Lane number of an access by the whole warp (ldmatrix, wgmma), and of reads by several lanes. */
    static final int WARP = 62, MANY = 63;

    static final int MAX_CLOCK = (1 << 21) - 1;
    private static final long SPLIT = Long.MAX_VALUE, OTHERS = 1L << 33, SETS = 1L << 62;
    private static final int SEQ = 34;

    private final boolean global;
    private final Plane writes = new Plane();
    private Plane[] reads = new Plane[64];
    /** Shared memory: epochs below are of earlier blocks. In global memory each {@link Clock} has its own. */
    private long floor;

    private int size, foundPc;

    private static final class Plane {
        long[] words = {}, bytes = {};
        int[] pcs = {}; // the instruction of the last access to each word, for the report
    }

    /** A word of strong accesses: the last of each warp, and the clock that an acquire of its value learns. */
    private static final class Word {
        /** {@code fence}: the clock up to which the access releases. */
        private record Access(long epoch, int time, int fence, boolean wrote, int pc) {}

        final Map<Long, Access> accesses = new HashMap<>(); // by block and warp
        final Clock released = new Clock(0);
        int time;
    }

    private final Map<Integer, Word> atomics = new HashMap<>();
    private final BitSet strong = new BitSet(); // the words in atomics
    /** Readers of a word by several blocks, one access for each, if the blocks run together. */
    private final List<long[]> sets = new ArrayList<>();

    private boolean together;

    Races(boolean global) {
        this.global = global;
    }

    static long epoch(long sequence, int warp, int clock) {
        return sequence << SEQ | (long) clock << 12 | warp << 6;
    }

    static String who(int lane) {
        return lane == WARP ? "the warp" : "lane " + lane;
    }

    void resize(int bytes) {
        size = bytes;
    }

    void forgetBefore(long sequence) {
        floor = sequence << SEQ;
    }

    /** A launch begins, whose blocks may all run at once; {@code alone}: all before it has ended. */
    void begin(boolean together, boolean alone) {
        this.together = together;
        if (alone) {
            atomics.clear();
            strong.clear();
        }
    }

    /** Epochs below are of accesses that have ended before the owner of {@code vc} began. */
    private long from(Clock vc) {
        return global ? vc.floor : floor;
    }

    static long firstEpoch(long sequence) {
        return sequence << SEQ;
    }

    private Plane sized(Plane p) {
        if (p.words.length < size >> 2) {
            p.words = Arrays.copyOf(p.words, size >> 2);
            p.pcs = Arrays.copyOf(p.pcs, size >> 2);
        }
        return p;
    }

    private Plane readsOf(Warp w) {
        int k = global ? 0 : w.id;
        if (reads[k] == null) reads[k] = new Plane();
        return sized(reads[k]);
    }

    private void makeSplit(Plane p, int word) {
        if (p.bytes.length < size) p.bytes = Arrays.copyOf(p.bytes, size);
        if (p.words[word] != SPLIT) Arrays.fill(p.bytes, word * 4, word * 4 + 4, p.words[word]);
        p.words[word] = SPLIT;
    }

    /** The access {@code e} is neither stale, nor mine, nor ordered before me. */
    private boolean unordered(long e, long me, Clock vc) {
        if (e < from(vc) || e == me) return false;
        if (e >= SETS) {
            for (long x : sets.get((int) (e - SETS))) if (unordered(x, me, vc)) return true;
            return false;
        }
        int warp = (int) (e >>> 6) & 63, clock = (int) (e >>> 12) & MAX_CLOCK;
        if ((e & OTHERS) != 0) return true;
        if ((e ^ me) >>> SEQ != 0) return clock > vc.known(e >>> SEQ, warp);
        if (warp == ((int) (me >>> 6) & 63)) return clock == ((int) (me >>> 12) & MAX_CLOCK) && ((e ^ me) & 63) != 0;
        return clock > vc.own[warp];
    }

    private long find(Plane p, int i, int n, long me, Clock vc) { // the first unordered access in the range, or 0
        long[] words = p.words;
        long from = from(vc);
        for (int k = i >> 2, end = i + n + 3 >> 2; k < end; k++) {
            long e = words[k];
            if (e < from || e == me) continue;
            foundPc = p.pcs[k];
            if (e == SPLIT) {
                for (int b = Math.max(i, k * 4); b < Math.min(i + n, k * 4 + 4); b++) {
                    if (unordered(p.bytes[b], me, vc)) return p.bytes[b];
                }
            } else if (unordered(e, me, vc)) {
                return e;
            }
        }
        return 0;
    }

    private long merge(long old, long me, long from) { // a second reader of the same bytes
        if (old < from || old == me || old >= SETS && old != SPLIT && over(old, from)) return me;
        if (together && old >>> SEQ != me >>> SEQ) return mergeBlocks(old, me, from);
        if (old >>> SEQ != me >>> SEQ) return me | OTHERS;
        me |= old & OTHERS;
        return (old & ~OTHERS ^ me & ~OTHERS) >>> 6 == 0 && old != me ? me | MANY : me;
    }

    private boolean over(long old, long from) {
        for (long x : sets.get((int) (old - SETS))) {
            if (x >= from) return false;
        }
        return true;
    }

    private long mergeBlocks(long old, long me, long from) {
        if (old < SETS) {
            sets.add(new long[] {old, me});
            return SETS + sets.size() - 1;
        }
        int at = (int) (old - SETS), k = 0;
        long[] set = sets.get(at);
        while (k < set.length && set[k] >= from && (set[k] ^ me) >>> SEQ != 0) k++;
        if (k == set.length) sets.set(at, set = Arrays.copyOf(set, k + 1));
        set[k] = me;
        return old;
    }

    /**
     * An ordinary access to words of atomics. One that this warp's own atomic came after counts as ordered, by coherence,
     * only if this warp also knows what it released: else the order is this schedule's luck.
     */
    private void checkStrong(Warp w, Instruction in, String verb, int lane, int i, int n, Memory memory) {
        for (int k = strong.nextSetBit(i >> 2); k >= 0 && k < i + n + 3 >> 2; k = strong.nextSetBit(k + 1)) {
            Word word = atomics.get(k);
            Word.Access mine = word.accesses.get(w.epoch >>> SEQ << 6 | w.id);
            for (Word.Access a : word.accesses.values()) {
                if (a == mine || verb.equals("read") && !a.wrote) continue;
                if (mine != null && a.time < mine.time && knows(w, a.epoch, a.fence, verb.equals("write"))) continue;
                if (!unordered(a.epoch, w.epoch, w.vc) || verb.equals("write") && guarded(a.epoch, w)) continue;
                foundPc = a.pc;
                report(w, in, verb, a.epoch, lane, i, memory, "used by an atomic or strong access");
                break;
            }
            if (verb.equals("write")) { // from here on it is an ordinary word again
                atomics.remove(k);
                strong.clear(k);
            }
        }
    }

    /**
     * Whether a relaxed read of this warp has seen what releases {@code e}: a write that comes after it is ordered (no
     * machine stores on speculation; that a branch depends on the value is taken for granted), a read is not.
     */
    private static boolean guarded(long e, Warp w) {
        return e < SETS && (e & OTHERS) == 0 && w.seen != null && knows(w, e, (int) (e >>> 12) & MAX_CLOCK, true);
    }

    private static boolean knows(Warp w, long e, int clock, boolean guarded) { // of the warp that made the access e
        int warp = (int) (e >>> 6) & 63;
        return clock <= w.vc.known(e >>> SEQ, warp)
                || guarded && w.seen != null && clock <= w.seen.known(e >>> SEQ, warp);
    }

    /** A strong access to one word, which must be ordered only with ordinary ones. */
    void strong(Warp w, Instruction in, int lane, int i, boolean reads, boolean writes, Order order, Memory memory) {
        long me = w.epoch | lane;
        long e = find(sized(this.writes), i, 4, me, w.vc);
        if (e != 0 && !(writes && guarded(e, w))) {
            report(w, in, writes ? "write" : "read", e, lane, i, memory, "written");
        } else if (writes && (e = reader(w, i, 4, me)) != 0 && !guarded(e, w)) {
            report(w, in, "write", e, lane, i, memory, "read");
        }
        Word word = atomics.computeIfAbsent(i >> 2, _ -> new Word());
        strong.set(i >> 2);
        long key = w.epoch >>> SEQ << 6 | w.id;
        Word.Access old = word.accesses.get(key);
        int fence = order.releases ? w.vc.own[w.id] : w.fenced != null ? w.fenced.own[w.id] : Integer.MAX_VALUE;
        word.accesses.put(key, new Word.Access(me, ++word.time, fence, writes || old != null && old.wrote, in.pc));
        if (reads && order.acquires) {
            w.vc.join(word.released);
        } else if (reads) {
            if (w.seen == null) w.seen = new Clock(w.block.sequence);
            w.seen.join(word.released);
        }
        if (!writes) return;
        if (!reads) word.released.reset(0, 0); // a store ends the release sequence, an atom or red continues it
        if (order.releases) word.released.join(w.vc);
        else if (w.fenced != null) word.released.join(w.fenced);
    }

    /** Memory order of a strong access. */
    enum Order {
        RELAXED(false, false),
        ACQUIRE(true, false),
        RELEASE(false, true),
        ACQ_REL(true, true);
        final boolean acquires, releases;

        Order(boolean acquires, boolean releases) {
            this.acquires = acquires;
            this.releases = releases;
        }
    }

    void read(Warp w, Instruction in, int lane, int i, int n, Memory memory) {
        long me = w.epoch | lane, from = from(w.vc);
        long e = find(sized(writes), i, n, me, w.vc);
        if (e != 0) report(w, in, "read", e, lane, i, memory, "written");
        checkStrong(w, in, "read", lane, i, n, memory);
        Plane p = readsOf(w);
        if (n >= 4) {
            for (int k = i >> 2, end = i + n >> 2; k < end; k++) {
                long old = p.words[k];
                p.pcs[k] = in.pc;
                if (old == me) continue;
                if (old == SPLIT && together) {
                    for (int b = k * 4; b < k * 4 + 4; b++) p.bytes[b] = merge(p.bytes[b], me, from);
                } else if (old == SPLIT) {
                    long m = me;
                    for (int b = 0; b < 4; b++) m = merge(p.bytes[k * 4 + b], m, from);
                    p.words[k] = m;
                } else {
                    p.words[k] = old < from ? me : merge(old, me, from);
                }
            }
        } else if (p.words[i >> 2] != me) {
            makeSplit(p, i >> 2);
            p.pcs[i >> 2] = in.pc;
            for (int b = i; b < i + n; b++) p.bytes[b] = merge(p.bytes[b], me, from);
        }
    }

    /** {@link #read} of whole words for the lanes in {@code m}; the common case first: only ordered accesses before. */
    void readLanes(Warp w, Instruction in, int m, int[] index, int n, Memory memory) {
        long[] written = sized(writes).words, seen = readsOf(w).words;
        int[] pcs = readsOf(w).pcs;
        boolean strongWords = !strong.isEmpty();
        long from = from(w.vc);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = index[l];
            if (i < 0) continue;
            long me = w.epoch | l;
            for (int k = i >> 2, end = i + n >> 2; k < end; k++) {
                long e = written[k], old = seen[k], x = old ^ me;
                boolean sameClock = x >>> 6 == 0, sameWarp = x >>> SEQ == 0 && (old & OTHERS) == 0 && old != SPLIT;
                if (e >= from && e != me && (e == SPLIT || unordered(e, me, w.vc))
                        || old >= from && !sameWarp
                        || strongWords && strong.get(k)) {
                    read(w, in, l, k * 4, 4, memory);
                } else if (x != 0) {
                    seen[k] = sameClock ? me | MANY : me;
                    pcs[k] = in.pc;
                }
            }
        }
    }

    /** Whether the async proxy may read: written by a copy engine, or a fence.proxy.async lies in between. */
    boolean fenced(Warp w, int i, int n) {
        long[] words = sized(writes).words;
        for (int k = i >> 2; k < i + n >> 2; k++) {
            long e = words[k] == SPLIT ? writes.bytes[k * 4] : words[k];
            int warp = (int) (e >>> 6) & 63, clock = (int) (e >>> 12) & MAX_CLOCK;
            if (e >= from(w.vc) && warp < 32 && clock > w.vc.own[Clock.HALF + warp]) return false;
        }
        return true;
    }

    /** A read that is not ordered before a write, or 0. */
    private long reader(Warp w, int i, int n, long me) {
        if (global) {
            return find(readsOf(w), i, n, me, w.vc);
        }
        for (Plane p : reads) {
            long e = p == null ? 0 : find(sized(p), i, n, me, w.vc);
            if (e != 0) {
                return e;
            }
        }
        return 0;
    }

    /** Checks a write; {@link #wrote} records it. */
    void checkWrite(Warp w, Instruction in, int lane, int i, int n, Memory memory) {
        long me = w.epoch | lane;
        long e = find(sized(writes), i, n, me, w.vc);
        if (e != 0 && !guarded(e, w)) {
            report(w, in, "write", e, lane, i, memory, "written");
            return;
        }
        checkStrong(w, in, "write", lane, i, n, memory);
        e = reader(w, i, n, me);
        if (e != 0 && !guarded(e, w)) report(w, in, "write", e, lane, i, memory, "read");
    }

    /** Records a write; true if another lane wrote there at the same clock: if not a race, then in this instruction. */
    boolean wrote(long me, Instruction in, int i, int n) {
        Plane p = sized(writes);
        p.pcs[i >> 2] = in.pc;
        boolean again = false;
        if (n >= 4) {
            for (int k = i >> 2, end = i + n >> 2; k < end; k++) {
                again |= p.words[k] != me && (p.words[k] ^ me) >>> 6 == 0;
                p.words[k] = me;
                p.pcs[k] = in.pc;
            }
        } else {
            makeSplit(p, i >> 2);
            for (int b = i; b < i + n; b++) {
                again |= p.bytes[b] != me && (p.bytes[b] ^ me) >>> 6 == 0;
                p.bytes[b] = me;
            }
        }
        return again;
    }

    private void report(Warp w, Instruction in, String verb, long e, int lane, int i, Memory memory, String was) {
        int warp = (int) (e >>> 6) & 63, l = (int) e & 63;
        boolean sameBlock = e >>> SEQ == w.epoch >>> SEQ && (e & OTHERS) == 0; // a set is of several
        Finding.Kind kind = sameBlock && warp == w.id ? RACE_IN_WARP : RACE;
        if (w.block.sim.again(kind, in)) return;
        String who = !sameBlock
                ? "another block"
                : warp >= 32
                        ? "the copy engine"
                        : "warp " + warp + (l == MANY ? ", several lanes" : l == WARP ? ", as a whole" : " lane " + l);
        w.report(
                kind,
                in,
                who(lane) + " " + verb + "s " + memory.describe(i) + ", " + was + " by " + who + " at "
                        + w.block.sim.codeOf(e >>> SEQ).code[foundPc].where + ", not ordered");
    }
}
