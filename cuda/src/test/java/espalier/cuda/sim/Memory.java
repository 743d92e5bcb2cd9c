package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.*;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A state space with its shadow (PTX ISA 5.1 "State Spaces"): one object is global memory, one the shared memory of the
 * block that runs. Each byte has a state: red zone, allocated, written, target of an open copy, part of an mbarrier.
 *
 * <p>Reads of bad addresses give ones (NaN), writes to them are dropped: the kernel goes on, so that one run shows all.
 */
final class Memory {
    static final byte NONE = 0, RAW = 1, SET = 2, PENDING = 3, BARRIER = 4;
    private static final long SET8 = 0x0202020202020202L;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    final Space space;
    final String name;
    final long base;
    final Races races;
    final TreeMap<Integer, Integer> allocations = new TreeMap<>();
    byte[] data, state;
    private final boolean checked;

    Memory(Space space, long base, int bytes, boolean checked) {
        this.space = space;
        name = space.name().toLowerCase(Locale.ROOT);
        this.base = base;
        this.checked = checked;
        races = new Races(space == Space.GLOBAL);
        resize(bytes);
    }

    void resize(int bytes) {
        data = data == null ? new byte[bytes] : Arrays.copyOf(data, bytes);
        state = state == null ? new byte[bytes] : Arrays.copyOf(state, bytes);
        races.resize(bytes);
    }

    static long get(byte[] a, int i, int bytes) {
        return switch (bytes) {
            case 1 -> a[i] & 0xffL;
            case 2 -> (short) SHORT.get(a, i) & 0xffffL;
            case 4 -> (int) INT.get(a, i) & 0xffffffffL;
            default -> (long) LONG.get(a, i);
        };
    }

    static int getInt(byte[] a, int i) {
        return (int) INT.get(a, i);
    }

    static void put(byte[] a, int i, int bytes, long v) {
        switch (bytes) {
            case 1 -> a[i] = (byte) v;
            case 2 -> SHORT.set(a, i, (short) v);
            case 4 -> INT.set(a, i, (int) v);
            default -> LONG.set(a, i, v);
        }
    }

    /** Shared memory at the start of a block: the arrays undefined, all else a red zone. */
    void clear(Iterable<int[]> arrays) {
        Arrays.fill(state, NONE);
        Arrays.fill(data, (byte) 0xff);
        for (int[] a : arrays) {
            mark(a[0], a[1], RAW);
            allocations.put(a[0], a[1]);
        }
    }

    void mark(int i, int n, byte what) {
        if (n == 16) {
            long v = what * 0x0101010101010101L;
            LONG.set(state, i, v);
            LONG.set(state, i + 8, v);
        } else {
            Arrays.fill(state, i, i + n, what);
        }
    }

    /** Poisons the target of an asynchronous copy until it is waited for. */
    void pending(int i, int n) {
        mark(i, n, checked ? PENDING : SET);
        Arrays.fill(data, i, i + n, (byte) 0xff);
    }

    /** The index of an address that may be read, checked and recorded; or -1. */
    int forRead(Warp w, Instruction in, int lane, long address, int n) {
        int i = index(w, in, lane, address, n, "reads");
        if (i < 0 || !checked) return i;
        if (!all(i, n)) {
            byte worst = worst(w, in, lane, i, n, "reads");
            if (worst == NONE) return -1;
        }
        races.read(w, in, lane, i, n, this);
        return i;
    }

    /** Whether the lanes access {@code n} bytes each, one after another: the whole warp one run. */
    static boolean isRun(long[] address, int m, int n) {
        if (m != -1) {
            return false;
        }
        long differs = 0;
        for (int l = 1; l < Alu.LANES; l++) {
            differs |= address[l] - address[0] ^ (long) l * n;
        }
        return differs == 0;
    }

    /** {@link #forRead} for the lanes in {@code m}: their indices, or -1. */
    void forReads(Warp w, Instruction in, int m, long[] address, int n, int[] index) {
        if (isRun(address, m, n) && isWritten(address[0], n)) {
            for (int l = 0; l < Alu.LANES; l++) {
                index[l] = (int) (address[0] - base) + l * n;
            }
            if (checked) {
                races.readLanes(w, in, m, index, n, this);
            }
            return;
        }
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            if (n < 4) {
                index[l] = forRead(w, in, l, address[l], n);
                continue;
            }
            int i = index(w, in, l, address[l], n, "reads");
            if (checked && i >= 0 && !all(i, n) && worst(w, in, l, i, n, "reads") == NONE) i = -1;
            index[l] = i;
        }
        if (checked && n >= 4) races.readLanes(w, in, m, index, n, this);
    }

    /** Whether a run of the whole warp lies in memory that is written (or unchecked), aligned. */
    private boolean isWritten(long address, int n) {
        long from = address - base;
        if (n < 4 || from < 0 || from + (long) Alu.LANES * n > data.length || (from & n - 1) != 0) {
            return false;
        }
        long differs = 0;
        for (int i = (int) from, end = i + Alu.LANES * n; checked && i < end; i += 8) {
            differs |= (long) LONG.get(state, i) ^ SET8;
        }
        return differs == 0;
    }

    /** The index of words for a strong access (an atomic), checked and recorded; or -1. */
    int forStrong(
            Warp w, Instruction in, int lane, long address, int n, boolean reads, boolean writes, Races.Order order) {
        String verb = reads ? "reads" : "writes";
        int i = index(w, in, lane, address, n, verb);
        if (i < 0 || !checked) return i;
        if (!all(i, n) && worst(w, in, lane, i, n, verb) == NONE) return -1;
        for (int k = i & ~3; k < i + n; k += 4) races.strong(w, in, lane, k, reads, writes, order, this);
        if (writes) mark(i, n, SET);
        return i;
    }

    /** The index of an address that may be written, checked, not yet recorded ({@link #wrote}); or -1. */
    int forWrite(Warp w, Instruction in, int lane, long address, int n) {
        int i = index(w, in, lane, address, n, "writes");
        if (i < 0 || !checked) return i;
        if (!all(i, n) && worst(w, in, lane, i, n, "writes") == NONE) return -1;
        races.checkWrite(w, in, lane, i, n, this);
        return i;
    }

    /** Records a write; true if another lane wrote there in the same instruction. */
    boolean wrote(Warp w, Instruction in, int lane, int i, int n) {
        if (!checked) return false;
        mark(i, n, SET);
        return races.wrote(w.epoch | lane, in, i, n);
    }

    private boolean all(int i, int n) {
        return switch (n) {
            case 32 -> all(i, 16) && all(i + 16, 16);
            case 16 -> (long) LONG.get(state, i) == SET8 && (long) LONG.get(state, i + 8) == SET8;
            case 8 -> (long) LONG.get(state, i) == SET8;
            case 4 -> (int) INT.get(state, i) == (int) SET8;
            case 2 -> (short) SHORT.get(state, i) == (short) SET8;
            default -> state[i] == SET;
        };
    }

    private int index(Warp w, Instruction in, int lane, long address, int n, String verb) {
        long i = address - base;
        if (i < 0 || i + n > data.length) {
            w.report(
                    OUT_OF_BOUNDS,
                    in,
                    Races.who(lane) + " " + verb + " " + n + " bytes at " + Long.toHexString(address) + ", which is no "
                            + name + " memory");
            return -1;
        }
        if ((i & n - 1) != 0) {
            w.report(MISALIGNED, in, Races.who(lane) + " " + verb + " " + n + " bytes at " + describe((int) i));
            return -1;
        }
        return (int) i;
    }

    private byte worst(Warp w, Instruction in, int lane, int i, int n, String verb) { // reports; NONE if out of bounds
        boolean reads = verb.equals("reads");
        byte worst = SET;
        int at = i;
        for (int b = i; b < i + n; b++) {
            byte s = state[b];
            if (s == NONE) {
                worst = NONE;
                at = b;
                break;
            }
            boolean bad = s == PENDING || s == BARRIER || s == RAW && reads;
            if (bad && (worst == SET || worst == RAW && s != RAW)) {
                worst = s;
                at = b;
            }
        }
        Finding.Kind kind = switch (worst) {
            case NONE -> OUT_OF_BOUNDS;
            case RAW -> UNINITIALISED;
            case PENDING -> MISSING_WAIT;
            case BARRIER -> MBARRIER;
            default -> null;
        };
        if (kind == null || w.block.sim.again(kind, in)) return worst;
        w.report(
                kind,
                in,
                Races.who(lane) + " " + verb + " " + n + " bytes at " + describe(at)
                        + (worst == PENDING ? ", which an asynchronous copy is still filling" : ""));
        return worst;
    }

    /** Where index {@code i} lies, in the reader's terms. */
    String describe(int i) {
        Map.Entry<Integer, Integer> a = allocations.floorEntry(i);
        if (a == null) return name + " memory before all allocations";
        int past = i - a.getKey() - a.getValue();
        String which = name + " allocation " + allocations.headMap(i, true).size() + " (" + a.getValue() + " bytes)";
        return past >= 0 ? past + " bytes past the end of " + which : "byte " + (i - a.getKey()) + " of " + which;
    }
}
