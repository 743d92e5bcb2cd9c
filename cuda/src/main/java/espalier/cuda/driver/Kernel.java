package espalier.cuda.driver;

/** A loaded kernel, of the driver that loaded it; {@code name} for messages. */
public record Kernel(long handle, String name) {}
