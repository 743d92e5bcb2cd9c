package espalier.cuda.driver;

/** A mark in a stream, of the driver that opened it. */
public record Event(long handle) {

    /** What an event is for: marks that carry no time are cheaper. */
    public enum Kind {
        MARK,
        TIMED
    }
}
