package espalier.cuda.driver;

import java.lang.foreign.MemorySegment;

/**
 * A copy of {@code rows} runs of {@code rowBytes}, each at its pitch.
 *
 * @param fromPitch bytes from the beginning of one row to the next; {@code toPitch} alike
 * @param to device address
 */
public record Copy2D(Source from, long fromPitch, long to, long toPitch, long rowBytes, long rows) {

    /** Where the rows come from. */
    public sealed interface Source {
        record Host(MemorySegment memory) implements Source {}

        record Device(long address) implements Source {}
    }
}
