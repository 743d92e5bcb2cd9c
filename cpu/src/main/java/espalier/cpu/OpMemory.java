package espalier.cpu;

import java.lang.foreign.Arena;
import java.util.function.Supplier;

/**
 * What the ops of a device work in beside the tensors that they are given. One op runs at a time, so all use the same: a piece
 * that all lanes see, and a piece for each lane. What is in it when an op begins is anything.
 *
 * <p>A device that serves reserves the most that any op can need, so that no step of it can run out of memory.
 */
final class OpMemory implements AutoCloseable {
    private final Scratch shared;
    private final Scratch[] lanes;
    private final long mostStateBytes;

    OpMemory(int lanes, Source source) {
        shared = new Scratch(source.arenas);
        this.lanes = new Scratch[lanes];
        java.util.Arrays.setAll(this.lanes, i -> new Scratch(source.arenas));
        mostStateBytes = source.mostStateBytes;
    }

    /**
     * Where memory comes from, and how much of it attention has.
     *
     * @param mostStateBytes of the states that are kept of splits at once, unless the fewest that are needed take more
     */
    record Source(Supplier<Arena> arenas, long mostStateBytes) {
        static final Source USUAL = new Source(Arena::ofShared, 32 << 20);
    }

    /** How many splits attention keeps at once, of states that take {@code bytes} each. */
    int statesOf(long bytes, int splits, int least) {
        return (int) Math.min(splits, Math.max(least, mostStateBytes / bytes));
    }

    /** Of {@link #statesOf} as many splits, where those of one take up to {@code bytes}. */
    long mostBytes(long bytes, int splits, int least) {
        return Math.max(Math.min(bytes * splits, mostStateBytes), least * bytes);
    }

    /**
     * The most that calls take.
     *
     * @param shared bytes that all lanes see
     * @param lane bytes of each lane
     */
    record Need(long shared, long lane) {
        static final Need NONE = new Need(0, 0);

        /** For either of two calls. */
        Need or(Need other) {
            return new Need(Math.max(shared, other.shared), Math.max(lane, other.lane));
        }

        /** What {@link OpMemory#reserve} takes for it. */
        long bytes(int lanes) {
            return Scratch.reserved(shared) + lanes * Scratch.reserved(lane);
        }
    }

    void reserve(Need need) {
        shared.reserve(need.shared);
        for (Scratch lane : lanes) {
            lane.reserve(need.lane);
        }
    }

    /** The address of so many bytes that all lanes see, until the next op. */
    long shared(long bytes) {
        return shared.take(bytes);
    }

    /** The address of so many bytes of one lane, until it takes others. */
    long lane(int lane, long bytes) {
        return lanes[lane].take(bytes);
    }

    /** What is held. */
    long bytes() {
        long sum = shared.bytes();
        for (Scratch lane : lanes) {
            sum += lane.bytes();
        }
        return sum;
    }

    @Override
    public void close() {
        shared.close();
        for (Scratch lane : lanes) {
            lane.close();
        }
    }
}
