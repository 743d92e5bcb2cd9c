package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.*;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/**
 * What runs beside a warp: cp.async groups (PTX ISA 9.7.9.25), transfers that end at an mbarrier (9.7.9.27, 9.7.13.15:
 * TMA loads of boxes and of bytes, st.async, cp.async with an arrival) and wgmma groups (9.7.15). One object holds the
 * open operations of one warp.
 *
 * <p>Each operation happens at both ends of the time that the program leaves it: its target is poisoned at the issue
 * (bytes of ones, state PENDING; registers NaN), its source is read and its result written at the wait. A read too
 * early, a write too early and a missing wait all show, whatever the real machine would have made of them.
 */
final class AsyncCopies {
    private static final class Copy { // one cp.async of the warp
        Instruction in;
        int mask, size;
        final int[] to = new int[32], from = new int[32], bytes = new int[32], group = new int[32];
    }

    /** An mbarrier object: what the current phase still waits for, and the clocks of those that have arrived. */
    static final class Mbarrier {
        int count, pending, bytes, phase, engine, engineClock, initClock;
        boolean fenced;
        Warp by;
        final Clock arriving, done;
        final List<Transfer> transfers = new ArrayList<>();

        Mbarrier(Warp by) {
            this.by = by;
            initClock = by.vc.own[by.id];
            arriving = new Clock(by.block.sequence);
            done = new Clock(by.block.sequence);
        }

        void advance(Block block) {
            if (pending != 0 || bytes != 0 || !transfers.isEmpty()) return;
            phase ^= 1;
            pending = count;
            done.join(arriving);
            block.changed();
        }

        boolean begun() {
            return pending != count || bytes != 0;
        }

        @Override
        public String toString() {
            return pending + " of " + count + " arrivals and " + bytes + " bytes missing";
        }
    }

    /** On its way to an mbarrier: how much it counts there, and what happens when a warp finds the phase over. */
    private interface Transfer {
        int bytes();

        void land(Mbarrier b);
    }

    /** A TMA load: the box at {@code from} of a map, into shared memory. */
    private record TensorCopy(Instruction in, Warp warp, int lane, EncodedMap map, int[] from, int to)
            implements Transfer {
        @Override
        public int bytes() {
            return map.bytes();
        }

        @Override
        public void land(Mbarrier b) {
            copy(this, b);
        }
    }
    /** cp.async.bulk: plain bytes. */
    private record BulkCopy(Instruction in, Warp warp, int lane, long from, int to, int bytes) implements Transfer {
        @Override
        public void land(Mbarrier b) {
            Memory shared = warp.block.shared, global = warp.block.sim.global;
            for (int k = 0; k < bytes; k += 16) {
                int i = global.forRead(warp, in, lane, from + k, 16);
                if (i >= 0) System.arraycopy(global.data, i, shared.data, to + k, 16);
            }
            AsyncCopies.landed(warp.block, b, in, to, bytes);
        }
    }
    /** st.async: registers into the shared memory of a block of the cluster. */
    private record RemoteStore(Instruction in, Block block, int to, byte[] data) implements Transfer {
        @Override
        public int bytes() {
            return data.length;
        }

        @Override
        public void land(Mbarrier b) {
            System.arraycopy(data, 0, block.shared.data, to, data.length);
            AsyncCopies.landed(block, b, in, to, data.length);
        }
    }
    /** A lane's cp.async that its mbarrier waits for: still the lane's own write, so wgmma needs a proxy fence after it. */
    private record LaneCopy(Copy copy, int lane, Block block) implements Transfer {
        @Override
        public int bytes() {
            return 0;
        }

        @Override
        public void land(Mbarrier b) {
            AsyncCopies.fill(copy, lane, block);
            block.shared.mark(copy.to[lane], copy.size, Memory.SET);
        }
    }
    /**
     * {@code a}: registers of A, or null for the descriptor {@code da}; {@code was} and {@code sum}: what they and shared
     * memory held at the issue.
     */
    private record Multiply(
            Instruction in,
            int[] d,
            int n,
            int[] a,
            int[][] was,
            long da,
            long db,
            long sum,
            boolean transposed,
            boolean add,
            int group) {}

    private final Warp warp;
    private final List<Copy> copies = new ArrayList<>();
    private final int[] committed = new int[32];
    private final List<Multiply> multiplies = new ArrayList<>();
    /** Number of the open wgmma group; whether wgmma.fence has come since the last wait. */
    int wgmmaGroup;

    boolean wgmmaFenced;
    /** Values so far of the registers that wgmmas are writing, by slot. Null: none. */
    int[][] accumulating;

    AsyncCopies(Warp warp) {
        this.warp = warp;
    }

    void clear() {
        copies.clear();
        multiplies.clear();
        accumulating = null;
        wgmmaFenced = false;
        Arrays.fill(committed, 0);
    }

    /** The warp has ended: nothing may be open. */
    void atEnd() {
        for (Copy c : copies) warp.report(MISSING_WAIT, c.in, "the copy is never waited for");
        for (Multiply m : multiplies) warp.report(MISSING_WAIT, m.in, "the wgmma is never waited for");
    }

    /** An instruction between wgmma and its wait must leave the accumulators alone. */
    void checkRegisters(Instruction in) {
        for (int slot : in.touched) {
            if (accumulating[slot] == null) continue;
            warp.report(MISSING_WAIT, in, "uses a register that a wgmma is still writing");
            return;
        }
    }

    /** cp.async: {@code size} bytes, the first {@code bytes} of them from global memory, the rest zeros. */
    void copyAsync(Instruction in, int m, int to, int source, int offset, int size, int[] bytes) {
        Memory shared = warp.block.shared, global = warp.block.sim.global;
        var c = new Copy();
        c.in = in;
        c.size = size;
        int reading = 0;
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            c.bytes[l] = Math.min(size, bytes[l]);
            if (c.bytes[l] > 0) reading |= 1 << l;
        }
        long[] at = warp.addresses(source, true, offset);
        warp.counters().access(in, at, reading, size, false);
        for (int s = reading; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            if ((at[l] & size - 1) != 0) warp.report(MISALIGNED, in, "source of lane " + l);
            int n = Integer.highestOneBit(c.bytes[l]);
            c.from[l] = global.forRead(warp, in, l, at[l], n);
            if (n < c.bytes[l]) global.forRead(warp, in, l, at[l] + n, Integer.highestOneBit(c.bytes[l] - n));
        }
        at = warp.addresses(to, false, 0);
        warp.counters().access(in, at, m, size, true);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = shared.forWrite(warp, in, l, at[l], size);
            c.to[l] = i;
            c.group[l] = committed[l];
            if (i < 0 || c.from[l] < 0) continue;
            c.mask |= 1 << l;
            shared.wrote(warp, in, l, i, size);
            shared.pending(i, size);
        }
        copies.add(c);
    }

    void copyCommit(int m) {
        for (int s = m; s != 0; s &= s - 1) committed[Integer.numberOfTrailingZeros(s)]++;
    }

    /** cp.async.wait_group n: all but the last n groups of each lane are done (-1: wait_all, the open group too). */
    void copyWait(int m, int n) {
        Memory shared = warp.block.shared;
        for (Iterator<Copy> it = copies.iterator(); it.hasNext(); ) {
            Copy c = it.next();
            for (int s = c.mask & m; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s), to = c.to[l];
                if (n >= 0 && c.group[l] >= committed[l] - n) continue;
                c.mask &= ~(1 << l);
                fill(c, l, warp.block);
                shared.wrote(warp, c.in, l, to, c.size);
            }
            if (c.mask == 0) it.remove();
        }
    }

    private static void fill(Copy c, int lane, Block block) {
        byte[] to = block.shared.data;
        Arrays.fill(to, c.to[lane], c.to[lane] + c.size, (byte) 0);
        System.arraycopy(block.sim.global.data, c.from[lane], to, c.to[lane], c.bytes[lane]);
    }

    /** cp.async.mbarrier.arrive.noinc: each lane arrives, and the phase also waits for its copies so far. */
    void copyArrive(Instruction in, int m, int[] at) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarrier b = mbarrier(warp, in, l, warp.block, at[l]);
            if (b == null) continue;
            for (Copy c : copies) {
                if ((c.mask >> l & 1) == 0) continue;
                c.mask &= ~(1 << l);
                b.transfers.add(new LaneCopy(c, l, warp.block));
            }
            arrive(warp, in, b, 1, 0);
        }
        copies.removeIf(c -> c.mask == 0);
        warp.tick();
    }

    /** The mbarrier at an address of {@code block}; only st.async reaches another block than the warp's own. */
    private static Mbarrier mbarrier(Warp w, Instruction in, int lane, Block block, int at) {
        Mbarrier b = block.mbarriers.get(at);
        if (b == null) {
            w.report(MBARRIER, in, "no mbarrier was initialised at " + block.shared.describe(at));
        } else if (w.block.sim.checked
                && !(b.fenced && w.inits != null && w.inits.known(b.by.block.sequence, b.by.id) >= b.initClock)) {
            block.shared.races.read(w, in, lane, at, 8, block.shared); // ordered after its mbarrier.init?
        }
        return b;
    }

    static void mbarrierInit(Warp w, Instruction in, int m, int[] at, int[] count) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = w.block.shared.forWrite(w, in, l, at[l], 8);
            if (i < 0) continue;
            w.block.shared.wrote(w, in, l, i, 8);
            w.block.shared.mark(i, 8, Memory.BARRIER);
            var b = new Mbarrier(w);
            b.count = b.pending = count[l];
            b.engine = 32 + w.block.mbarriers.size() % 32;
            w.block.mbarriers.put(i, b);
        }
    }

    /** fence.mbarrier_init, fence.proxy.async: TMA and the cluster may use the mbarriers that this warp has initialised. */
    static void fenceInit(Warp w) {
        for (Mbarrier b : w.block.mbarriers.values()) if (b.by == w) b.fenced = true;
        w.inits = Clock.copy(w.vc);
    }

    private static void arrive(Warp w, Instruction in, Mbarrier b, int count, int expected) {
        if (b.pending < count) w.report(MBARRIER, in, "more arrivals than the " + b.count + " of its init");
        b.arriving.join(w.vc);
        b.pending = Math.max(0, b.pending - count);
        b.bytes += expected;
        b.advance(w.block);
        w.block.changed();
    }

    /** mbarrier.arrive, with its count and the transaction bytes of .expect_tx, or null: releases what this warp has done. */
    static void mbarrierArrive(Warp w, Instruction in, int m, int[] at, int[] count, int[] expected) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarrier b = mbarrier(w, in, l, w.block, at[l]);
            if (b != null) arrive(w, in, b, count == null ? 1 : count[l], expected == null ? 0 : expected[l]);
        }
        w.tick();
    }

    /**
     * mbarrier.try_wait.parity: true once the phase of that parity is over; else the lanes rest while others run.
     * test_wait ({@code rests} false) lets them go on.
     */
    static void mbarrierWait(Warp w, Instruction in, int m, int d, int[] at, int[] parity, boolean rests) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarrier b = mbarrier(w, in, l, w.block, at[l]);
            if (b != null && b.phase == parity[l] && b.pending == 0) finish(w, in, b);
            boolean over = b == null || b.phase != parity[l];
            if (over && b != null) w.vc.join(b.done);
            w.p[d] = over ? w.p[d] | 1 << l : w.p[d] & ~(1 << l);
            if (!over && rests) w.parked |= 1 << l;
        }
    }

    private static void finish(Warp w, Instruction in, Mbarrier b) { // all have arrived: now the transfers must be over
        for (Transfer t : b.transfers) {
            t.land(b);
            b.bytes -= t.bytes();
        }
        b.transfers.clear();
        b.arriving.own[b.engine] = b.engineClock;
        if (b.bytes < 0) {
            w.report(MBARRIER, in, -b.bytes + " bytes more have arrived than were expected");
            b.bytes = 0;
        }
        b.advance(w.block);
    }

    private static void landed(Block block, Mbarrier b, Instruction in, int to, int bytes) { // written by a copy engine
        block.shared.mark(to, bytes, Memory.SET);
        if (!block.sim.checked) return;
        block.shared.races.wrote(Races.epoch(block.sequence, b.engine, ++b.engineClock), in, to, bytes);
    }

    /** Checks and poisons a transfer's target in {@code block}; false if it cannot be written. */
    private static boolean target(Warp w, Instruction in, int lane, Block block, int to, int bytes) {
        boolean ok = true;
        for (int k = 0; k < bytes; k += 16) {
            int i = block.shared.forWrite(w, in, lane, to + k, 16);
            ok &= i >= 0;
            if (i < 0) continue;
            block.shared.wrote(w, in, lane, i, 16);
            block.shared.pending(i, 16);
        }
        return ok;
    }

    private static EncodedMap map(Warp w, Instruction in, int lane, long address) { // null: there is none
        long at = address - PtxParser.PARAM_BASE;
        EncodedMap map = null;
        if (address % 64 == 0 && at >= 0 && at + 128 <= w.block.params.length) {
            map = EncodedMap.decode(w.block.params, (int) at);
        } else if (address % 64 == 0
                && address >= w.block.sim.global.base) { // the host has written it before the launch
            int i = w.block.sim.global.forRead(w, in, lane, address, 16);
            if (i >= 0) map = EncodedMap.decode(w.block.sim.global.data, i);
        }
        if (map == null) w.report(OUT_OF_BOUNDS, in, "no tensor map there");
        return map;
    }

    /** cp.async.bulk.tensor to shared memory; what lies outside the map becomes zeros. {@code from}: by dimension, lane. */
    static void tensorLoad(Warp w, Instruction in, int m, int[] to, long[] maps, int[][] from, int[] barrier) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            EncodedMap map = map(w, in, l, maps[l]);
            Mbarrier b = mbarrier(w, in, l, w.block, barrier[l]);
            if (map == null || b == null) continue;
            if (!b.fenced) w.report(MISSING_FENCE, in, "no fence.mbarrier_init since the mbarrier's init");
            if (map.box().length != from.length) {
                w.report(OUT_OF_BOUNDS, in, "the map has " + map.box().length + " dimensions");
            } else if (to[l] % 128 != 0) {
                w.report(MISALIGNED, in, "target " + w.block.shared.describe(to[l]) + " is not 128-byte aligned");
            } else if (target(w, in, l, w.block, to[l], map.bytes())) {
                int[] c = Arrays.stream(from).mapToInt(x -> x[l]).toArray();
                b.transfers.add(new TensorCopy(in, w, l, map, c, to[l]));
            }
            w.block.changed();
        }
    }

    /** cp.async.bulk: consecutive bytes to shared memory. */
    static void bulkLoad(Warp w, Instruction in, int m, int[] to, long[] from, int[] size, int[] barrier) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarrier b = mbarrier(w, in, l, w.block, barrier[l]);
            if (b == null) continue;
            if (!b.fenced) w.report(MISSING_FENCE, in, "no fence.mbarrier_init since the mbarrier's init");
            if ((to[l] | from[l] | size[l]) % 16 != 0) {
                w.report(MISALIGNED, in, "target, source or size of the copy to " + w.block.shared.describe(to[l]));
            } else if (target(w, in, l, w.block, to[l], size[l])) {
                b.transfers.add(new BulkCopy(in, w, l, from[l], to[l], size[l]));
            }
            w.block.changed();
        }
    }

    /** st.async: 16 bytes a lane to a block of the cluster, counted at an mbarrier of the same block. */
    static void storeAsync(Warp w, Instruction in, int m, int[] to, int[] data, int[] barrier) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), local = (1 << Block.RANK) - 1;
            Block there = w.block.at(to[l]);
            if (there == null || there != w.block.at(barrier[l]) || there != w.block && there.over()) {
                w.report(
                        OUT_OF_BOUNDS,
                        in,
                        there == null
                                ? "no block of the cluster has that address"
                                : there.over() ? "the block has ended" : "data and mbarrier in different blocks");
                continue;
            }
            Mbarrier b = mbarrier(w, in, l, there, barrier[l] & local);
            if (b == null) continue;
            byte[] bytes = new byte[4 * data.length];
            for (int k = 0; k < data.length; k++) Memory.put(bytes, 4 * k, 4, w.r[data[k]][l]);
            int at = to[l] & local;
            if (target(w, in, l, there, at, bytes.length)) b.transfers.add(new RemoteStore(in, there, at, bytes));
            w.block.changed();
        }
    }

    private static void copy(TensorCopy c, Mbarrier b) {
        EncodedMap t = c.map;
        int width = t.width(), rows = t.bytes() / width;
        for (int row = 0; row < rows; row++) {
            long from = t.address();
            boolean in = true;
            for (int d = 1, rest = row; d < t.box().length; rest /= t.box()[d++]) {
                long x = c.from[d] + rest % t.box()[d];
                in &= x >= 0 && x < t.size()[d];
                from += x * t.stride()[d - 1];
            }
            copyRow(c, c.to + row * width, from, in);
        }
        landed(c.warp.block, b, c.in, c.to, t.bytes());
        c.warp.counters().tensorCopy(c.in, width, rows);
    }

    /** One row of a box, in swizzled pieces of 16 bytes; what lies outside becomes zeros. */
    private static void copyRow(TensorCopy c, int target, long from, boolean rowInside) {
        Memory shared = c.warp.block.shared, global = c.warp.block.sim.global;
        EncodedMap t = c.map;
        int unit = t.elementBytes(), piece = 16 / unit;
        for (int k = 0; k < t.width(); k += 16) {
            int to = TensorCore.swizzle(target + k, t.swizzle());
            long x = c.from[0] + k / unit, inside = rowInside ? Math.min(piece, t.size()[0] - x) : 0;
            Arrays.fill(shared.data, to, to + 16, (byte) 0);
            long at = from + unit * x;
            if (x >= 0 && inside == piece && at % 16 == 0) {
                int i = global.forRead(c.warp, c.in, c.lane, at, 16);
                if (i >= 0) {
                    System.arraycopy(global.data, i, shared.data, to, 16);
                }
                continue;
            }
            for (int e = (int) Math.max(0, -x); e < inside; e++) {
                int i = global.forRead(c.warp, c.in, c.lane, at + (long) unit * e, unit);
                if (i >= 0) {
                    System.arraycopy(global.data, i, shared.data, to + unit * e, unit);
                }
            }
        }
    }

    /**
     * wgmma.mma_async m64nNk16: each warp of the four computes its 16 rows. A from shared memory, K-major, or from the
     * registers {@code a} (else null); B from shared memory, K-major or {@code transposed}.
     */
    void wgmma(Instruction in, int m, int[] d, int[] a, long[] da, long[] db, boolean transposed, int add, int n) {
        if (m != -1) warp.report(DIVERGENCE, in, "only lanes " + Instruction.hex(m));
        if (!wgmmaFenced) warp.report(MISSING_FENCE, in, "no wgmma.fence since the start or the last wait");
        for (int l = 1; l < 32; l++) {
            if (a == null && da[l] != da[0] || db[l] != db[0]) {
                warp.report(DIVERGENCE, in, "lane " + l + " has another descriptor");
            }
        }
        if (accumulating == null) accumulating = new int[warp.r.length][];
        for (int slot : d) {
            if (accumulating[slot] != null) continue;
            accumulating[slot] = warp.r[slot].clone();
            Arrays.fill(warp.r[slot], -1);
        }
        warp.counters().tensor(in, 2L * 16 * n * 16);
        long sum = 0;
        if (warp.block.sim.checked) { // the reads may begin now
            if (a == null) sum = TensorCore.tile(warp, in, da[0], warp.id % 4 * 16, 16, false, null);
            sum += TensorCore.tile(warp, in, db[0], 0, n, transposed, null);
        }
        int[][] was = a == null
                ? null
                : Arrays.stream(a).mapToObj(slot -> warp.r[slot].clone()).toArray(int[][]::new);
        long descriptor = a == null ? da[0] : 0;
        multiplies.add(new Multiply(in, d, n, a, was, descriptor, db[0], sum, transposed, (add & 1) != 0, wgmmaGroup));
    }

    /** wgmma.wait_group n: the groups before the last n are done; here they read, multiply and write. */
    void wgmmaWait(int n) {
        for (Iterator<Multiply> it = multiplies.iterator(); it.hasNext(); ) {
            Multiply x = it.next();
            if (x.group >= wgmmaGroup - n) continue;
            for (int k = 0; x.a != null && k < x.a.length; k++) { // it reads A until now
                if (Arrays.equals(warp.r[x.a[k]], x.was[k])) continue;
                warp.report(MISSING_WAIT, x.in, "A's register " + k + " changes while the wgmma reads it");
            }
            long sum = TensorCore.wgmma(warp, x.in, x.d, x.n, x.a, x.da, x.db, x.transposed, x.add, accumulating);
            if (warp.block.sim.checked && sum != x.sum) {
                warp.report(RACE, x.in, "its operands in shared memory change while the wgmma reads them");
            }
            it.remove();
        }
        wgmmaFenced = false;
        if (accumulating == null) return;
        int[][] busy = multiplies.isEmpty() ? null : new int[warp.r.length][];
        for (Multiply x : multiplies) for (int slot : x.d) busy[slot] = accumulating[slot];
        for (int k = 0; k < accumulating.length; k++) {
            if (accumulating[k] == null || busy != null && busy[k] != null) continue;
            System.arraycopy(accumulating[k], 0, warp.r[k], 0, 32);
        }
        accumulating = busy;
    }
}
