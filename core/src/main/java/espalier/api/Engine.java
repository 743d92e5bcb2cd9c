package espalier.api;

/** Generates tokens: in this process, or through another one that looks the same. */
public interface Engine extends AutoCloseable {

    /** Accepts a request, or throws {@link RequestRejected}. What was accepted ends with one terminal event. */
    Generation submit(GenerateRequest request);

    EngineInfo info();

    EngineLoad load();

    /** Empties the prefix cache; false when requests are running or waiting, in which case nothing happens. */
    boolean flushCache();

    /** Takes nothing more, fails what is open, gives the devices back. */
    @Override
    void close();
}
