package espalier.checkpoint.hub;

/** Which of the GGUF models that lie in one repository or folder: publishers put them side by side, a format each. */
public sealed interface GgufChoice {
    /** Nobody said: the only one, or the one in the usual format; of a repository with safetensors none. */
    record Unsaid() implements GgufChoice {}

    /** The one in that file, or whose shard it is: its path in the repository, or its name alone where that is unique. */
    record File(String name) implements GgufChoice {}

    /** The one whose name ends with that, as with {@code owner/repo:Q4_K_M}; case does not matter. */
    record Tag(String tag) implements GgufChoice {}
}
