package espalier.cuda.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a kernel costs in the machine's units, for each instruction and so for each line of the .cu file: executions,
 * 32-byte global sectors against bytes used, shared-memory wavefronts against the least possible, tensor-core flops.
 *
 * <p>Model (CUDA C++ Best Practices Guide, "Coalesced Access", "Shared Memory and Memory Banks"): a warp's global
 * access moves every 32-byte sector that it touches once, no cache; shared memory has 32 banks of 4 bytes, accesses of
 * 8 and 16 bytes run in halves and quarters of the warp, one wavefront for each different word of the fullest bank.
 */
public final class Counters {
    private static final int SECTOR = 32;

    private static final class Table {
        final long[] executed, lanes, sectors, used, wavefronts, least, flops;

        Table(int n) {
            executed = new long[n];
            lanes = new long[n];
            sectors = new long[n];
            used = new long[n];
            wavefronts = new long[n];
            least = new long[n];
            flops = new long[n];
        }
    }

    private final Map<KernelCode, Table> tables = new IdentityHashMap<>();
    private final long[] sector = new long[64];
    private final int[] bytes = new int[64], words = new int[32 * 32], perBank = new int[32];
    private Table now;
    private final boolean on;

    Counters(boolean on) {
        this.on = on;
    }

    private Table table(KernelCode p) {
        return tables.computeIfAbsent(p, x -> new Table(x.code.length));
    }

    Collection<KernelCode> programs() {
        return tables.keySet();
    }
    /** The kernel that runs from now on. */
    void select(KernelCode p) {
        now = table(p);
    }

    long[] executed(KernelCode p) {
        return table(p).executed;
    }

    long[] lanes(KernelCode p) {
        return table(p).lanes;
    }

    /** Tells of each instruction of the kernels of that name that a warp has executed. */
    void executed(String name, java.util.function.Consumer<Instruction> then) {
        tables.forEach((code, t) -> {
            for (int k = 0; code.name.equals(name) && k < t.executed.length; k++) {
                if (t.executed[k] > 0) {
                    then.accept(code.code[k]);
                }
            }
        });
    }

    /** One access of a warp: {@code n} bytes at {@code at} for each lane in {@code m}. */
    void access(Instruction in, long[] at, int m, int n, Memory memory) {
        if (!on || m == 0) return;
        if (Memory.isRun(at, m, n)) run(in.pc, at[0], n, memory.space);
        else if (memory.space == Space.SHARED) banks(in.pc, at, m, n);
        else if (memory.space == Space.GLOBAL) sectors(in.pc, at, m, n);
    }

    /** A whole warp that accesses one run: no sector twice, no bank twice. */
    private void run(int pc, long at, int n, Space space) {
        if (space == Space.GLOBAL) {
            now.sectors[pc] += ((at & SECTOR - 1) + (long) Alu.LANES * n + SECTOR - 1) / SECTOR;
            now.used[pc] += (long) Alu.LANES * n;
        } else if (space == Space.SHARED) {
            int wavefronts = Math.max(1, n / 4);
            now.wavefronts[pc] += wavefronts;
            now.least[pc] += wavefronts;
        }
    }

    private void sectors(int pc, long[] at, int m, int n) {
        int count = 0, last = 0, used = 0;
        for (int s = m; s != 0; s &= s - 1) {
            long a = at[Integer.numberOfTrailingZeros(s)], id = a >> 5;
            if (count == 0 || sector[last] != id) {
                for (last = 0; last < count && sector[last] != id; ) last++;
                if (last == count) {
                    sector[count] = id;
                    bytes[count++] = 0;
                }
            }
            bytes[last] |= (int) ((1L << n) - 1 << (a & 31));
        }
        for (int k = 0; k < count; k++) used += Integer.bitCount(bytes[k]);
        now.sectors[pc] += count;
        now.used[pc] += used;
    }

    private void banks(int pc, long[] at, int m, int n) {
        int group = n == 16 ? 8 : n == 8 ? 16 : 32;
        for (int first = 0; first < 32; first += group) {
            int lanes = m & (group == 32 ? -1 : (1 << group) - 1 << first), worst = 0;
            if (lanes == 0) continue;
            now.least[pc]++;
            int banks = 0, unit = Math.max(1, n / 4), span = (1 << unit) - 1; // the common case: no bank twice
            boolean twice = false;
            for (int s = lanes; s != 0; s &= s - 1) {
                int mine = Integer.rotateLeft(span, (int) (at[Integer.numberOfTrailingZeros(s)] >> 2) & 31);
                twice |= (banks & mine) != 0;
                banks |= mine;
            }
            if (!twice) {
                now.wavefronts[pc]++;
                continue;
            }
            Arrays.fill(perBank, 0);
            for (int s = lanes; s != 0; s &= s - 1) {
                int word = (int) (at[Integer.numberOfTrailingZeros(s)] >> 2);
                for (int k = 0; k < unit; k++, word++) {
                    int bank = word & 31, base = bank * 32, c = perBank[bank], j = 0;
                    while (j < c && words[base + j] != word) j++;
                    if (j == c) {
                        words[base + c] = word;
                        worst = Math.max(worst, perBank[bank] = c + 1);
                    }
                }
            }
            now.wavefronts[pc] += worst;
        }
    }

    void tensor(Instruction in, long flops) {
        if (on) now.flops[in.pc] += flops;
    }

    void tensorCopy(Instruction in, int rowBytes, int rows) {
        if (!on) return;
        now.sectors[in.pc] += (long) (rowBytes + 31) / 32 * rows;
        now.used[in.pc] += (long) rowBytes * rows;
    }

    long instructions(KernelCode p) {
        return Arrays.stream(table(p).executed).sum();
    }

    /** Warp instructions of all kernels so far. */
    public long instructions() {
        return tables.keySet().stream().mapToLong(this::instructions).sum();
    }

    /** The largest factor by which bank conflicts lengthen an instruction. */
    public double worstConflict() {
        double worst = 1;
        for (Table t : tables.values()) {
            for (int k = 0; k < t.least.length; k++) {
                worst = Math.max(worst, (double) t.wavefronts[k] / Math.max(1, t.least[k]));
            }
        }
        return worst;
    }

    /** Sectors of 32 bytes that all kernels moved from and to global memory. */
    public long sectors() {
        return tables.values().stream()
                .mapToLong(t -> Arrays.stream(t.sectors).sum())
                .sum();
    }

    /**
     * A kernel's counts over all its launches.
     *
     * @param instructions of warps, {@code lanes} those of threads
     * @param sectors of 32 bytes moved to and from global memory, {@code usedBytes} of them used
     * @param wavefronts of shared memory, of which {@code least} would do without bank conflicts
     * @param flops of the tensor cores
     * @param kinds instructions by the first word of their opcode
     */
    public record Totals(
            long instructions,
            long lanes,
            long sectors,
            long usedBytes,
            long wavefronts,
            long least,
            long flops,
            Map<String, Long> kinds) {
        public long movedBytes() {
            return SECTOR * sectors;
        }

        public long conflicts() {
            return wavefronts - least;
        }

        /** Share of instructions whose opcode begins so: of mma and wgmma, say. */
        public double share(String... beginnings) {
            long sum = 0;
            for (String b : beginnings) {
                sum += kinds.getOrDefault(b, 0L);
            }
            return (double) sum / Math.max(1, instructions);
        }
    }

    /** The counts of the kernels of that name, whatever program they are from. */
    public Totals totals(String name) {
        Totals all = new Totals(0, 0, 0, 0, 0, 0, 0, Map.of());
        for (KernelCode code : tables.keySet()) {
            if (code.name.equals(name)) {
                all = sum(all, totals(code));
            }
        }
        return all;
    }

    private static Totals sum(Totals a, Totals b) {
        var kinds = new TreeMap<>(a.kinds);
        b.kinds.forEach((k, n) -> kinds.merge(k, n, Long::sum));
        return new Totals(
                a.instructions + b.instructions,
                a.lanes + b.lanes,
                a.sectors + b.sectors,
                a.usedBytes + b.usedBytes,
                a.wavefronts + b.wavefronts,
                a.least + b.least,
                a.flops + b.flops,
                kinds);
    }

    private Totals totals(KernelCode code) {
        Table t = table(code);
        var kinds = new TreeMap<String, Long>();
        for (int k = 0; k < code.code.length; k++) {
            if (t.executed[k] > 0) {
                kinds.merge(code.code[k].mnemonic().split("\\.")[0], t.executed[k], Long::sum);
            }
        }
        return new Totals(
                sum(t.executed),
                sum(t.lanes),
                sum(t.sectors),
                sum(t.used),
                sum(t.wavefronts),
                sum(t.least),
                sum(t.flops),
                kinds);
    }

    private static long sum(long[] x) {
        return Arrays.stream(x).sum();
    }

    /** Totals of each kernel, and the lines that move more than they use or that conflict. */
    public String report() {
        var out = new StringBuilder();
        for (KernelCode code : tables.keySet()) {
            Totals t = totals(code);
            out.append(String.format(
                    Locale.ROOT,
                    "%s: %d warp instructions, %.1f lanes active; global %d sectors, %.0f %% of the bytes used; "
                            + "shared %d wavefronts, %d by conflicts; tensor cores %.1f Mflop%n  by kind: %s%n",
                    code.name,
                    t.instructions,
                    (double) t.lanes / Math.max(1, t.instructions),
                    t.sectors,
                    100.0 * t.usedBytes / Math.max(1, t.movedBytes()),
                    t.wavefronts,
                    t.conflicts(),
                    t.flops / 1e6,
                    t.kinds));
            lines(code, table(code))
                    .forEach(line -> out.append("  ").append(line).append('\n'));
        }
        return out.toString();
    }

    private static List<String> lines(KernelCode p, Table t) {
        var byLine = new TreeMap<String, long[]>();
        for (int k = 0; k < p.code.length; k++) {
            long[] v = byLine.computeIfAbsent(p.code[k].where + " " + p.code[k].mnemonic(), _ -> new long[4]);
            v[0] += t.sectors[k];
            v[1] += t.used[k];
            v[2] += t.wavefronts[k];
            v[3] += t.least[k];
        }
        var out = new ArrayList<String>();
        byLine.forEach((line, v) -> {
            double share = 100.0 * v[1] / Math.max(1, 32 * v[0]);
            if (v[0] > 0 && share < 90)
                out.add(String.format(Locale.ROOT, "%s: %d sectors, %.0f %% used", line, v[0], share));
            if (v[2] > v[3]) out.add(String.format(Locale.ROOT, "%s: %d wavefronts, %d would do", line, v[2], v[3]));
        });
        return out;
    }
}
