package espalier.api;

/** One request under way. Closing it before its end cancels it. */
public interface Generation extends AutoCloseable {

    /** Waits for the next event; after {@link Emission.Done} or {@link Emission.Failed} there is none. */
    Emission next() throws InterruptedException;

    /** Ends it early for an owner that has all it wanted (a stop string was found): it counts as finished. */
    void finish();

    @Override
    void close();
}
