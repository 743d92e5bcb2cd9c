package espalier.api;

/** Generates tokens: in this process, or through another one that looks the same. */
public interface Engine extends AutoCloseable {

    /**
     * Accepts a request, or throws {@link RequestRejected}. What was accepted ends with one terminal event; where the
     * queue turns out to be full only later, that is an {@link Emission.Failed} with a {@link RequestRejected}, before
     * any token.
     *
     * @throws EngineFault when the engine has failed
     */
    Generation submit(GenerateRequest request);

    EngineInfo info();

    EngineLoad load();

    /** False once a device or the engine itself has failed: everything open was failed, nothing more is accepted. */
    boolean isHealthy();

    /** Empties the prefix cache; false when requests are running or waiting, in which case nothing happens. */
    boolean flushCache();

    /**
     * Begins to write down when host and device worked on each step.
     *
     * @throws RequestRejected where a profile is open already, or this engine writes none
     */
    default Profile profile(Profile.Steps steps) {
        throw RequestRejected.invalid("start_profile", "This engine writes no profiles.");
    }

    /** Takes nothing more, fails what is open, gives the devices back. */
    @Override
    void close();
}
