package espalier.tensor;

import java.util.Arrays;

/**
 * When a device came past points of its queue, in the time of {@link System#nanoTime}. A point is put into one of a
 * fixed number of slots, over the one that was there. For the device's thread.
 */
public interface DeviceClock {
    /** Queues a mark that keeps, in {@code slot}, when the device comes past it. */
    void mark(int slot);

    /** Whether the device has come past the newest mark of {@code slot}. */
    boolean passed(int slot);

    /** When the device came past it; waits until it has. */
    long nanos(int slot);

    /** The clock of a device whose ops have run when they return. */
    static DeviceClock immediate(int slots) {
        return new DeviceClock() {
            private final long[] passed = new long[slots];

            {
                Arrays.fill(passed, System.nanoTime());
            }

            @Override
            public void mark(int slot) {
                passed[slot] = System.nanoTime();
            }

            @Override
            public boolean passed(int slot) {
                return true;
            }

            @Override
            public long nanos(int slot) {
                return passed[slot];
            }
        };
    }
}
