package espalier.chat;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelSource;
import espalier.checkpoint.gguf.GgufModel;
import espalier.config.Options;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import espalier.launch.ModelPath;
import espalier.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Joins an engine with the tokenizer and the chat template of its model. */
public final class EspalierLoader {

    private EspalierLoader() {}

    /**
     * Loads the model at {@code path}: a folder or a GGUF file.
     *
     * @param tokenizerPath where tokenizer and template are; null for the model's own
     * @throws EngineFault if something is missing, wrong or too large; the message says what to do
     */
    public static Espalier load(Options options, Path path, @Nullable Path tokenizerPath, LoadListener listener) {
        ModelSource model = ModelPath.open(path);
        Path textPath = tokenizerPath == null ? path : tokenizerPath;
        TextParts text = text(model, textPath, options.model().chatTemplate());
        String name = options.model().servedModelName();
        var card = new ModelCard(
                name == null ? model.name() : name,
                path.toString(),
                textPath.toString(),
                model.architectures(),
                model.config().path("model_type").asString(""),
                text.template.isPresent(),
                Instant.now().getEpochSecond());
        var recommended = Espalier.recommended(options.model().samplingDefaults(), model.generationDefaults());
        EngineLoader.Loaded loaded = EngineLoader.load(options, model, listener); // last: nothing fails after it
        return new Espalier(card, loaded, text.tokenizer, text.template, recommended);
    }

    private record TextParts(Tokenizer tokenizer, ChatTemplate template) {}

    private static TextParts text(ModelSource model, Path path, @Nullable String template) {
        Optional<Path> file = ModelPath.gguf(path);
        if (file.isEmpty()) {
            return new TextParts(Tokenizer.load(path), ChatTemplate.load(path, template));
        }
        GgufModel gguf =
                model instanceof GgufModel own && own.path().equals(file.get()) ? own : GgufModel.open(file.get());
        return new TextParts(gguf.tokenizer(), ChatTemplate.load(ChatTemplateFiles.of(gguf), template));
    }
}
