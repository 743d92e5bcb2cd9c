package espalier.launch;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.ModelSource;
import espalier.checkpoint.gguf.GgufModel;
import espalier.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

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
     * The GGUF file at a path: itself, or the only model in a folder that has no {@code config.json}.
     *
     * @throws EngineFault CHECKPOINT if the folder holds several
     */
    public static Optional<Path> gguf(Path path) {
        if (Files.isRegularFile(path)) {
            return path.toString().endsWith(".gguf") ? Optional.of(path) : Optional.empty();
        }
        if (!Files.isDirectory(path) || Files.exists(path.resolve("config.json"))) {
            return Optional.empty();
        }
        List<Path> models = models(path);
        if (models.size() > 1) {
            throw new EngineFault(
                    EngineFault.Code.CHECKPOINT,
                    path + ": several GGUF models; name one of them: "
                            + String.join(
                                    ", ", models.stream().map(Path::toString).toList()));
        }
        return models.stream().findFirst();
    }

    /** Of several shards the first; what only projects pictures is no model. */
    private static List<Path> models(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".gguf"))
                    .filter(file -> !file.getFileName().toString().matches(".*-\\d{5}-of-\\d{5}\\.gguf")
                            || file.toString().contains("-00001-of-"))
                    .filter(file -> !file.getFileName().toString().startsWith("mmproj"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, folder + ": cannot be listed: " + e, e);
        }
    }
}
