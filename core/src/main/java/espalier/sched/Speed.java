package espalier.sched;

/**
 * How fast a device has lately been, as whoever has a clock measured it.
 *
 * @param decodeNanos of the decoding rows of a step, all together; 0 where it is not known yet
 * @param tokenNanos of a prompt token beside them; 0 where it is not known yet
 */
public record Speed(double decodeNanos, double tokenNanos) {
    public static final Speed UNKNOWN = new Speed(0, 0);

    boolean isKnown() {
        return decodeNanos > 0 && tokenNanos > 0;
    }

    /** Of a step; 0 where it is not known. */
    public double nanos(int promptTokens, int decodes) {
        return (decodes > 0 ? decodeNanos : 0) + promptTokens * tokenNanos;
    }
}
