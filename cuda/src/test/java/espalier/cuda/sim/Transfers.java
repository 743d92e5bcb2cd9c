package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.MISALIGNED;
import static espalier.cuda.sim.Finding.Kind.MISSING_FENCE;
import static espalier.cuda.sim.Finding.Kind.OUT_OF_BOUNDS;

import espalier.cuda.sim.Mbarriers.Mbarrier;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Copies that end at an mbarrier (PTX ISA 9.7.9.27, 9.7.13.15): TMA loads of boxes and of bytes, st.async, cp.async with an
 * arrival. Their target is poisoned at the issue and written when a warp waits for the phase.
 */
final class Transfers {
    /** On its way to an mbarrier: how much it counts there, and what happens when a warp finds the phase over. */
    sealed interface Transfer {
        int bytes();

        void land(Mbarrier b);
    }

    /**
     * A TMA load: the box at {@code from} of a map, into the shared memory of a block. Of the copies of one multicast only
     * the {@code first} reads global memory, as the counters see it.
     */
    private record TensorCopy(
            Instruction in, Warp warp, int lane, EncodedMap map, int[] from, Block block, int to, boolean first)
            implements Transfer {
        @Override
        public int bytes() {
            return map.bytes();
        }

        @Override
        public void land(Mbarrier b) {
            TensorBox.load(warp, in, lane, map, from, block.shared, to);
            landed(block, b, in, to, map.bytes());
            if (first) {
                warp.counters().tensorCopy(in, map.width(), map.bytes() / map.width());
            }
        }
    }

    /** cp.async.bulk: plain bytes. */
    private record BulkCopy(Instruction in, Warp warp, int lane, long from, int to, int bytes) implements Transfer {
        @Override
        public void land(Mbarrier b) {
            Memory shared = warp.block.shared, global = warp.block.sim.global;
            for (int k = 0; k < bytes; k += 16) {
                int i = global.forRead(warp, in, lane, from + k, 16);
                if (i >= 0) {
                    System.arraycopy(global.data, i, shared.data, to + k, 16);
                }
            }
            landed(warp.block, b, in, to, bytes);
            warp.counters().tensorCopy(in, bytes, 1);
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
            landed(block, b, in, to, data.length);
        }
    }

    /** A lane's cp.async that its mbarrier waits for: still the lane's own write, so wgmma needs a proxy fence after it. */
    record LaneCopy(CopyGroups.Copy copy, int lane, Block block) implements Transfer {
        @Override
        public int bytes() {
            return 0;
        }

        @Override
        public void land(Mbarrier b) {
            copy.fill(lane, block);
            block.shared.mark(copy.to[lane], copy.size, Memory.SET);
        }
    }

    private Transfers() {}

    private static void landed(Block block, Mbarrier b, Instruction in, int to, int bytes) { // written by a copy engine
        block.shared.mark(to, bytes, Memory.SET);
        if (block.sim.checked) {
            block.shared.races.wrote(Races.epoch(block.sequence, b.engine, ++b.engineClock), in, to, bytes);
        }
    }

    /** Checks and poisons a transfer's target in {@code block}; false if it cannot be written. */
    private static boolean target(Warp w, Instruction in, int lane, Block block, int to, int bytes) {
        boolean ok = true;
        for (int k = 0; k < bytes; k += 16) {
            int i = block.shared.forWrite(w, in, lane, to + k, 16);
            ok &= i >= 0;
            if (i >= 0) {
                block.shared.wrote(w, in, lane, i, 16);
                block.shared.pending(i, 16);
            }
        }
        return ok;
    }

    private static void expectFence(Warp w, Instruction in, Mbarrier b) {
        if (!b.fenced) {
            w.report(MISSING_FENCE, in, "no fence.mbarrier_init since the mbarrier's init");
        }
    }

    /** Where a tensor load goes: targets and mbarriers by lane, and the blocks of the cluster it is for (null: this one). */
    record Targets(int[] to, int[] barrier, int @Nullable [] blocks) {}

    /** cp.async.bulk.tensor to shared memory; what lies outside the map becomes zeros. {@code from}: by dimension, lane. */
    static void tensorLoad(Warp w, Instruction in, int m, Targets targets, long[] maps, int[][] from) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            EncodedMap map = TensorBox.map(w, in, l, maps[l], from.length);
            if (map == null) {
                continue;
            }
            int[] c = Arrays.stream(from).mapToInt(x -> x[l]).toArray();
            if (targets.blocks == null) {
                copy(new TensorCopy(in, w, l, map, c, w.block, targets.to[l], true), targets.barrier[l]);
                continue;
            }
            boolean first = true; // .multicast::cluster: the same offsets in every block of the mask
            for (int rest = targets.blocks[l] & 0xffff; rest != 0; rest &= rest - 1, first = false) {
                Block there = w.block.at(Integer.numberOfTrailingZeros(rest) + 1 << Block.RANK);
                if (there == null || there.over()) {
                    w.report(
                            OUT_OF_BOUNDS, in, there == null ? "the cluster has no such block" : "the block has ended");
                } else {
                    copy(new TensorCopy(in, w, l, map, c, there, targets.to[l], first), targets.barrier[l]);
                }
            }
        }
    }

    private static void copy(TensorCopy t, int barrier) {
        Mbarrier b = Mbarriers.find(t.warp, t.in, t.lane, t.block, barrier);
        if (b == null) {
            return;
        }
        expectFence(t.warp, t.in, b);
        if (t.to % 128 != 0) {
            t.warp.report(MISALIGNED, t.in, "target " + t.block.shared.describe(t.to) + " is not 128-byte aligned");
        } else if (target(t.warp, t.in, t.lane, t.block, t.to, t.bytes())) {
            TensorBox.issued(t.warp, t.in, t.lane, t.map, t.from);
            b.transfers.add(t);
        }
        t.block.changed();
        t.warp.block.changed();
    }

    /** cp.async.bulk: consecutive bytes to shared memory. */
    static void bulkLoad(Warp w, Instruction in, int m, int[] to, long[] from, int[] size, int[] barrier) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarrier b = Mbarriers.find(w, in, l, w.block, barrier[l]);
            if (b == null) {
                continue;
            }
            expectFence(w, in, b);
            if ((to[l] | from[l] | size[l]) % 16 != 0) {
                w.report(MISALIGNED, in, "target, source or size of the copy to " + w.block.shared.describe(to[l]));
            } else if (target(w, in, l, w.block, to[l], size[l])) {
                w.block.sim.global.forRead(w, in, l, from[l], 16); // a copy may read as soon as it is issued
                b.transfers.add(new BulkCopy(in, w, l, from[l], to[l], size[l]));
            }
            w.block.changed();
        }
    }

    /** st.async: the bytes of registers to a block of the cluster, counted at an mbarrier of the same block. */
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
            Mbarrier b = Mbarriers.find(w, in, l, there, barrier[l] & local);
            if (b == null) {
                continue;
            }
            byte[] bytes = new byte[4 * data.length];
            for (int k = 0; k < data.length; k++) {
                Memory.put(bytes, 4 * k, 4, w.r[data[k]][l]);
            }
            int at = to[l] & local;
            if (target(w, in, l, there, at, bytes.length)) {
                b.transfers.add(new RemoteStore(in, there, at, bytes));
            }
            w.block.changed();
        }
    }
}
