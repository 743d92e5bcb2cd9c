package espalier.launch;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.ModelSource;
import espalier.checkpoint.gguf.GgufModel;
import espalier.checkpoint.hub.GgufChoice;
import espalier.checkpoint.hub.GgufFiles;
import espalier.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Tells by its files which kind of model is at a path: a folder as Hugging Face lays it out, or GGUF. */
public final class ModelPath {
    private ModelPath() {}

    /**
     * Reads what is small of a model.
     *
     * @throws EngineFault CHECKPOINT if there is none, or it is not whole
     */
    public static ModelSource open(Path path) {
        Optional<Path> gguf = gguf(path);
        return gguf.isPresent() ? GgufModel.open(gguf.get()) : ModelFolder.open(path);
    }

    /** The tokenizer of the model at a path. */
    public static Tokenizer tokenizer(Path path) {
        Optional<Path> gguf = gguf(path);
        return gguf.isPresent() ? GgufModel.open(gguf.get()).tokenizer() : Tokenizer.load(path);
    }

    /**
     * The GGUF file at a path: itself, or in a folder without safetensors the model that {@link GgufFiles} chooses.
     *
     * @throws EngineFault CHECKPOINT if the folder holds several and none is the usual one
     */
    public static Optional<Path> gguf(Path path) {
        if (Files.isDirectory(path)) {
            return GgufFiles.in(path, new GgufChoice.Unsaid());
        }
        return Files.isRegularFile(path) && path.toString().endsWith(".gguf") ? Optional.of(path) : Optional.empty();
    }
}
