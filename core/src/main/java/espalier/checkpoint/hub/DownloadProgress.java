package espalier.checkpoint.hub;

/** Hears how a download goes. Called by several threads, though never by two at once. */
public interface DownloadProgress {
    /** Hears nothing. */
    DownloadProgress NONE = new DownloadProgress() {
        @Override
        public void update(Transfer transfer) {}

        @Override
        public void note(String message) {}
    };

    /**
     * How far it is.
     *
     * @param file the file that moved on
     * @param fileDone its bytes that are here
     * @param allDone the bytes of all files that are here, those that were here before included
     * @param bytesPerSecond of what came over the network, on average since the start
     */
    record Transfer(String file, long fileDone, long fileBytes, long allDone, long allBytes, double bytesPerSecond) {}

    /** The hub is about to be asked, which may take a while: {@code what} is its address and the model's name. */
    default void asking(String what) {}

    /** Some more bytes are here. The last call has {@code allDone == allBytes}. */
    void update(Transfer transfer);

    /** Something that the user should know: a cut connection, an old copy that is used. One line. */
    void note(String message);
}
