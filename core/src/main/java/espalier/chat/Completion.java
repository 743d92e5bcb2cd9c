package espalier.chat;

/** A text request under way. Closing it cancels the choices that are still open. */
public interface Completion extends AutoCloseable {

    int promptTokens();

    /** Waits for the next event of any choice; after every choice has ended there is none. */
    TextEvent next() throws InterruptedException;

    @Override
    void close();
}
