package espalier.sched;

/** What happens to open requests while the scheduler pauses. */
public enum Pause {
    /** All of them end. */
    ABORT,
    /** Those that run give their memory back, and go on first afterwards, as if nothing had happened. */
    RETRACT,
    /** They keep their memory and stand still. */
    IN_PLACE
}
