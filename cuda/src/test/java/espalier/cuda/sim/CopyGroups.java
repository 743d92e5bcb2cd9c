package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.MISALIGNED;
import static espalier.cuda.sim.Finding.Kind.MISSING_WAIT;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/**
 * cp.async of one warp and its groups (PTX ISA 9.7.9.25). A copy happens at both ends of the time that the program leaves
 * it: its target is poisoned at the issue, its source is read and its result written at the wait.
 */
final class CopyGroups {
    /** One cp.async of the warp. {@code mask}: lanes whose bytes are still on their way. */
    static final class Copy {
        final Instruction in;
        final int size;
        final int[] to = new int[Alu.LANES], from = new int[Alu.LANES], bytes = new int[Alu.LANES];
        final int[] group = new int[Alu.LANES];
        int mask;

        Copy(Instruction in, int size) {
            this.in = in;
            this.size = size;
        }

        void fill(int lane, Block block) {
            byte[] target = block.shared.data;
            Arrays.fill(target, to[lane], to[lane] + size, (byte) 0);
            System.arraycopy(block.sim.global.data, from[lane], target, to[lane], bytes[lane]);
        }
    }

    private final Warp warp;
    private final List<Copy> copies = new ArrayList<>();
    private final int[] committed = new int[Alu.LANES];

    CopyGroups(Warp warp) {
        this.warp = warp;
    }

    void clear() {
        copies.clear();
        Arrays.fill(committed, 0);
    }

    /** The warp has ended: nothing may be open. */
    void atEnd() {
        for (Copy c : copies) {
            warp.report(MISSING_WAIT, c.in, "the copy is never waited for");
        }
    }

    /** {@code size} bytes, the first {@code bytes} of them from global memory, the rest zeros. */
    void copy(Instruction in, int m, int to, long[] source, int size, int[] bytes) {
        var c = new Copy(in, size);
        read(c, m, source, bytes);
        Memory shared = warp.block.shared;
        long[] at = warp.addresses(to, false, 0);
        warp.counters().access(in, at, m, size, shared);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), i = shared.forWrite(warp, in, l, at[l], size);
            c.to[l] = i;
            c.group[l] = committed[l];
            if (i >= 0 && c.from[l] >= 0) {
                c.mask |= 1 << l;
                shared.wrote(warp, in, l, i, size);
                shared.pending(i, size);
            }
        }
        copies.add(c);
    }

    private void read(Copy c, int m, long[] at, int[] bytes) {
        Memory global = warp.block.sim.global;
        int reading = 0;
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            c.bytes[l] = Math.min(c.size, bytes[l]);
            reading |= c.bytes[l] > 0 ? 1 << l : 0;
        }
        warp.counters().access(c.in, at, reading, c.size, global);
        for (int s = reading; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            if ((at[l] & c.size - 1) != 0) {
                warp.report(MISALIGNED, c.in, "source of lane " + l);
            }
            int n = Integer.highestOneBit(c.bytes[l]);
            c.from[l] = global.forRead(warp, c.in, l, at[l], n);
            if (n < c.bytes[l]) {
                global.forRead(warp, c.in, l, at[l] + n, Integer.highestOneBit(c.bytes[l] - n));
            }
        }
    }

    void commit(int m) {
        for (int s = m; s != 0; s &= s - 1) {
            committed[Integer.numberOfTrailingZeros(s)]++;
        }
    }

    /** wait_group n: all but the last n groups of each lane are done (-1: wait_all, the open group too). */
    void await(int m, int n) {
        Memory shared = warp.block.shared;
        for (Iterator<Copy> it = copies.iterator(); it.hasNext(); ) {
            Copy c = it.next();
            for (int s = c.mask & m; s != 0; s &= s - 1) {
                int l = Integer.numberOfTrailingZeros(s);
                if (n < 0 || c.group[l] < committed[l] - n) {
                    c.mask &= ~(1 << l);
                    c.fill(l, warp.block);
                    shared.wrote(warp, c.in, l, c.to[l], c.size);
                }
            }
            if (c.mask == 0) {
                it.remove();
            }
        }
    }

    /** cp.async.mbarrier.arrive.noinc: each lane arrives, and the phase also waits for its copies so far. */
    void arrive(Instruction in, int m, int[] at) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            Mbarriers.Mbarrier b = Mbarriers.find(warp, in, l, warp.block, at[l]);
            if (b == null) {
                continue;
            }
            for (Copy c : copies) {
                if ((c.mask >> l & 1) != 0) {
                    c.mask &= ~(1 << l);
                    b.transfers.add(new Transfers.LaneCopy(c, l, warp.block));
                }
            }
            Mbarriers.arrive(warp, in, b, 1, 0);
        }
        copies.removeIf(c -> c.mask == 0);
        warp.tick();
    }
}
