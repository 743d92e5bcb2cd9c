package espalier.cuda.driver;

/** Recorded work that can be queued again as one call, of the driver that recorded it. */
public record Graph(long handle) {}
