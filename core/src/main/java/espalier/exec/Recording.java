package espalier.exec;

/** Told how many of the decoding steps that a device records beforehand are recorded; from a rank's thread. */
@FunctionalInterface
public interface Recording {
    void recorded(int done, int all);
}
