package espalier.cuda.sim;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Launch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * The device: its memory, its launches, and what the checks found.
 *
 * <p>A launch runs on the calling thread, to its end. Its blocks run one after another (in the schedule's order), unless
 * they are a cluster or the launch is cooperative: a grid that waits for itself, and may not, is reported as a deadlock.
 * Launches run one after another too; that a dependent launch may overlap with those before it is judged by
 * {@link Races}, which takes their accesses for unordered until {@code griddepcontrol.wait}.
 */
final class Simulator {
    private static final int LAUNCHES_KEPT = 1000; // to name the other end of a race

    final boolean checked;
    final Memory global;
    final Counters counters;
    /** Warp instructions that a block may take before it counts as endless. */
    long instructionLimit = 20_000_000;

    private final int schedule;
    private final Map<Key, Finding> findings = new LinkedHashMap<>();
    private final Map<Shape, List<Block>> blocks = new HashMap<>();
    private final TreeMap<Long, KernelCode> launches = new TreeMap<>(); // by their first block
    private long sequence = 1; // number of the next block, over all launches

    private record Key(Finding.Kind kind, Object at) {}

    private record Shape(KernelCode code, Launch.Dim threads, int dynamicShared) {}

    /** {@code schedule}: 0 blocks and warps in order, 1 in reverse, else random. */
    Simulator(boolean checked, int schedule) {
        this.checked = checked;
        this.schedule = schedule;
        global = new Memory(Space.GLOBAL, 0x7f00_0000_0000L, 1 << 20, checked);
        counters = new Counters(checked);
    }

    /** Arguments as the kernel's parameter bytes; refuses what does not fit its signature. */
    static byte[] parameters(KernelCode code, Arguments arguments) {
        if (arguments.count() != code.params.size()) {
            throw new IllegalArgumentException(
                    code.name + " takes " + code.params.size() + " arguments, not " + arguments.count());
        }
        byte[] params = new byte[code.paramBytes + 8];
        MemorySegment packed = arguments.packed();
        for (int k = 0; k < arguments.count(); k++) {
            int at = code.params.get(k)[0], bytes = code.params.get(k)[1];
            if (arguments.size(k) != bytes) {
                throw new IllegalArgumentException(
                        "argument " + k + " of " + code.name + " has " + bytes + " bytes, not " + arguments.size(k));
            }
            MemorySegment.copy(packed, ValueLayout.JAVA_BYTE, arguments.offset(k), params, at, bytes);
        }
        return params;
    }

    /** The kernel that a block ran, by the block's number. */
    KernelCode codeOf(long block) {
        return launches.floorEntry(block).getValue();
    }

    /**
     * Runs a launch; {@code params} as {@link #parameters} makes them.
     *
     * @param before number of the first block that this launch may overlap with, as it is dependent; or 0
     * @return number of its own first block
     */
    long launch(KernelCode code, Launch launch, byte[] params, long before) {
        int n = Math.toIntExact(launch.grid().count()),
                threads = (int) launch.block().count();
        if (threads > code.maxThreads) {
            throw new IllegalArgumentException(
                    code.name + " cannot be launched with " + threads + " threads, its bound is " + code.maxThreads);
        }
        counters.select(code);
        boolean together = launch.order() == Launch.Order.COOPERATIVE;
        int each = together ? n : launch.cluster();
        List<Block> pool =
                blocks.computeIfAbsent(new Shape(code, launch.block(), launch.sharedBytes()), _ -> new ArrayList<>());
        while (pool.size() < each) {
            pool.add(new Block(this, code, threads, launch.sharedBytes())); // they serve again
        }
        global.races.begin(together, before == 0);
        long begin = sequence;
        launches.put(begin, code);
        if (launches.size() > LAUNCHES_KEPT) {
            launches.pollFirstEntry();
        }
        for (Block block : pool.subList(0, each)) {
            block.floor = Races.firstEpoch(before == 0 ? begin : before);
            block.waitedFloor = Races.firstEpoch(begin);
        }
        try {
            for (int first : order(n, each)) {
                wave(launch, params, pool.subList(0, each), first);
            }
        } catch (Block.Stopped e) { // the finding says why
            sequence++;
        }
        return begin;
    }

    private List<Integer> order(int n, int each) {
        var order = new ArrayList<Integer>(n / each);
        for (int b = 0; b < n; b += each) {
            order.add(b);
        }
        if (schedule == 1) {
            Collections.reverse(order);
        } else if (schedule > 1) {
            Collections.shuffle(order, new Random(schedule));
        }
        return order;
    }

    private void wave(Launch launch, byte[] params, List<Block> together, int first) {
        var wave = new Wave(this, together, schedule, sequence);
        long begin = sequence;
        int[] grid = array(launch.grid()), threads = array(launch.block());
        for (int k = 0; k < together.size(); k++) {
            Block block = together.get(k);
            int b = first + k, rank = b % launch.cluster();
            block.wave = wave;
            block.cluster =
                    together.subList(k - rank, k - rank + launch.cluster()).toArray(Block[]::new);
            int[] place = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
            block.start(params, place, grid, threads, sequence++, begin);
        }
        wave.run();
    }

    private static int[] array(Launch.Dim d) {
        return new int[] {d.x(), d.y(), d.z()};
    }

    void report(Finding.Kind kind, Instruction at, Warp w, String detail) {
        if (!again(kind, at)) {
            String block = "block " + w.r[3][0] + "," + w.r[4][0] + "," + w.r[5][0];
            findings.put(new Key(kind, at), new Finding(kind, at.toString(), block + " warp " + w.id + ": " + detail));
        }
    }

    /** What is found outside a kernel: in a copy, say. */
    void report(Finding.Kind kind, String where, String detail) {
        if (!again(kind, where)) {
            findings.put(new Key(kind, where), new Finding(kind, where, detail));
        }
    }

    /** Counts a finding that is known already; false if it is new. */
    boolean again(Finding.Kind kind, Object at) {
        Finding old = findings.get(new Key(kind, at));
        if (old != null) {
            old.again();
        }
        return old != null;
    }

    Collection<Finding> findings() {
        return findings.values();
    }
}
