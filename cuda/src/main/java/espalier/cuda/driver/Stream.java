package espalier.cuda.driver;

/** A queue of work on the device, of the driver that opened it. */
public record Stream(long handle) {}
