package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.MISALIGNED;
import static espalier.cuda.sim.Finding.Kind.MISSING_FENCE;
import static espalier.cuda.sim.Finding.Kind.MISSING_WAIT;
import static espalier.cuda.sim.Finding.Kind.RACE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/**
 * Bulk and tensor stores of one warp from shared to global memory, and their groups, which belong to a lane (PTX ISA
 * 9.7.9.27). The source is read at the wait, and must then be what it was at the issue; the target is written by a wait
 * without {@code .read}, or when the block ends.
 */
final class BulkStores {
    /** {@code map}: of a tensor store with its coordinates {@code at}, or null for plain bytes to the address {@code to}. */
    private record Store(
            Instruction in, int lane, EncodedMap map, int[] at, long to, int from, int bytes, byte[] was, int group) {}

    private final Warp warp;
    private final List<Store> reading = new ArrayList<>();
    private final List<Store> writing = new ArrayList<>(); // whose source has been read
    private final int[] committed = new int[Alu.LANES];

    BulkStores(Warp warp) {
        this.warp = warp;
    }

    void clear() {
        reading.clear();
        writing.clear();
        Arrays.fill(committed, 0);
    }

    /** The block has ended: its shared memory must not be read any more; what is on its way arrives. */
    void atEnd() {
        for (Store s : reading) {
            warp.report(MISSING_WAIT, s.in, "the block ends while the store reads its shared memory");
        }
        writing.forEach(this::write);
    }

    void bulk(Instruction in, int m, long[] to, int[] from, int[] size) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            if ((to[l] | from[l] | size[l]) % 16 != 0) {
                warp.report(MISALIGNED, in, "target, source or size of the copy");
            } else {
                issue(new Store(in, l, null, new int[0], to[l], from[l], size[l], null, committed[l]));
            }
        }
    }

    /** {@code at}: coordinates by dimension, lane. */
    void tensor(Instruction in, int m, long[] maps, int[][] at, int[] from) {
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            EncodedMap map = TensorBox.map(warp, in, l, maps[l], at.length);
            if (map != null && from[l] % 128 != 0) {
                warp.report(
                        MISALIGNED, in, "source " + warp.block.shared.describe(from[l]) + " is not 128-byte aligned");
            } else if (map != null) {
                int[] c = Arrays.stream(at).mapToInt(x -> x[l]).toArray();
                issue(new Store(in, l, map, c, 0, from[l], map.bytes(), null, committed[l]));
            }
        }
    }

    private void issue(Store s) {
        Memory shared = warp.block.shared;
        boolean fenced = true;
        for (int k = 0; k < s.bytes; k += 16) {
            int i = shared.forRead(warp, s.in, s.lane, s.from + k, 16);
            if (i < 0) {
                return;
            }
            fenced &= !warp.block.sim.checked || shared.races.fenced(warp, i, 16);
        }
        if (!fenced) {
            warp.report(
                    MISSING_FENCE,
                    s.in,
                    "reads what an ordinary store has written, with no fence.proxy.async in between");
        }
        byte[] was = Arrays.copyOfRange(shared.data, s.from, s.from + s.bytes);
        reading.add(new Store(s.in, s.lane, s.map, s.at, s.to, s.from, s.bytes, was, s.group));
    }

    void commit(int m) {
        for (int s = m; s != 0; s &= s - 1) {
            committed[Integer.numberOfTrailingZeros(s)]++;
        }
    }

    /** wait_group n of the lanes in {@code m}; {@code readOnly}: .read, the sources only. */
    void await(int m, int n, boolean readOnly) {
        for (Iterator<Store> it = reading.iterator(); it.hasNext(); ) {
            Store s = it.next();
            if ((m >> s.lane & 1) != 0 && s.group < committed[s.lane] - n) {
                it.remove();
                if (!Arrays.equals(s.was, 0, s.bytes, warp.block.shared.data, s.from, s.from + s.bytes)) {
                    warp.report(RACE, s.in, "its source in shared memory changes while the store reads it");
                }
                writing.add(s);
            }
        }
        for (Iterator<Store> it = writing.iterator(); !readOnly && it.hasNext(); ) {
            Store s = it.next();
            if ((m >> s.lane & 1) != 0 && s.group < committed[s.lane] - n) {
                it.remove();
                write(s);
            }
        }
    }

    private void write(Store s) {
        Memory global = warp.block.sim.global;
        if (s.map != null) {
            TensorBox.store(warp, s.in, s.lane, s.map, s.at, s.from, s.was);
            warp.counters().tensorCopy(s.in, s.map.width(), s.bytes / s.map.width());
            return;
        }
        for (int k = 0; k < s.bytes; k += 16) {
            int i = global.forWrite(warp, s.in, s.lane, s.to + k, 16);
            if (i >= 0) {
                global.wrote(warp, s.in, s.lane, i, 16);
                System.arraycopy(s.was, k, global.data, i, 16);
            }
        }
        warp.counters().tensorCopy(s.in, s.bytes, 1);
    }
}
