package espalier.cuda;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Stream;
import espalier.tensor.DeviceClock;

/**
 * Events of the driver on the host's time: host and device meet at a first event, and the driver tells how far others are
 * from it. It tells single precision milliseconds: to a microsecond in the first seconds, to 8 after 100 seconds.
 */
final class CudaClock implements DeviceClock {
    private static final double NANOS_PER_MILLISECOND = 1e6;

    private final Driver driver;
    private final Stream stream;
    private final Event[] events;
    private final Event met;
    private long metNanos;

    CudaClock(Driver driver, Stream stream, int slots) {
        this.driver = driver;
        this.stream = stream;
        met = driver.openEvent(Event.Kind.TIMED);
        events = new Event[slots];
        for (int i = 0; i < slots; i++) {
            events[i] = driver.openEvent(Event.Kind.TIMED);
        }
    }

    int slots() {
        return events.length;
    }

    /** Waits for the device and sets both clocks to each other. */
    void meet() {
        driver.synchronize(stream);
        driver.record(met, stream);
        driver.await(met);
        metNanos = System.nanoTime();
    }

    @Override
    public void mark(int slot) {
        driver.record(events[slot], stream);
    }

    @Override
    public boolean passed(int slot) {
        return driver.reached(events[slot]);
    }

    @Override
    public long nanos(int slot) {
        driver.await(events[slot]);
        return metNanos + (long) (driver.milliseconds(met, events[slot]) * NANOS_PER_MILLISECOND);
    }
}
