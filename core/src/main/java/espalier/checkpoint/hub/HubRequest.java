package espalier.checkpoint.hub;

import espalier.api.RequestRejected;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A model to find, or to download.
 *
 * @param model a folder, or a hub id such as {@code org/name}
 * @param gguf which of its GGUF models
 * @param revision a branch, a tag or a commit; {@code main} unless somebody says otherwise
 */
public record HubRequest(
        String model, GgufChoice gguf, String revision, Wanted wanted, HubAccess access, DownloadProgress progress) {
    private static final Pattern TAGGED = Pattern.compile("([^:]+/[^:/]+):([\\w.-]+)");

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

    /** Not of GGUF models in particular. */
    public HubRequest(String model, String revision, Wanted wanted, HubAccess access, DownloadProgress progress) {
        this(model, new GgufChoice.Unsaid(), revision, wanted, access, progress);
    }

    /** A model, and which of the GGUF models there. */
    public record Named(String model, GgufChoice gguf) {
        /**
         * Reads what the command line says.
         *
         * @param path a folder, a file, {@code owner/repo}, or {@code owner/repo:Q4_K_M}
         * @param ggufFile what {@code --gguf-file} says
         */
        public static Named of(String path, @Nullable String ggufFile) {
            Matcher tagged = TAGGED.matcher(path);
            boolean isTagged = tagged.matches() && !exists(path);
            if (ggufFile == null) {
                return isTagged
                        ? new Named(tagged.group(1), new GgufChoice.Tag(tagged.group(2)))
                        : new Named(path, new GgufChoice.Unsaid());
            }
            if (isTagged) {
                throw RequestRejected.invalid(
                        "--gguf-file",
                        "--gguf-file " + ggufFile + " and the format in " + path
                                + " both choose a file; leave one away");
            }
            return new Named(path, new GgufChoice.File(ggufFile));
        }

        private static boolean exists(String path) {
            try {
                return Files.exists(Path.of(path));
            } catch (InvalidPathException e) {
                return false;
            }
        }
    }
}
