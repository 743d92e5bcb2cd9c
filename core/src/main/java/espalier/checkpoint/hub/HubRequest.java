package espalier.checkpoint.hub;

/**
 * A model to find, or to download.
 *
 * @param model a folder, or a hub id such as {@code org/name}
 * @param revision a branch, a tag or a commit; {@code main} unless somebody says otherwise
 */
public record HubRequest(String model, String revision, Wanted wanted, HubAccess access, DownloadProgress progress) {
    /** Which of a model's files are needed. */
    public enum Wanted {
        EVERYTHING,
        /** Random weights are made from the config. */
        ALL_BUT_WEIGHTS,
        /** What {@code --tokenizer-path} names: tokenizer and templates; the repository need not be a model. */
        TOKENIZER
    }

    /** All of the main branch. */
    public static HubRequest of(String model, HubAccess access, DownloadProgress progress) {
        return new HubRequest(model, "main", Wanted.EVERYTHING, access, progress);
    }
}
