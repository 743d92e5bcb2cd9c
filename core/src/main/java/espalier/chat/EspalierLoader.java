package espalier.chat;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelFolder;
import espalier.config.Options;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import espalier.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Joins an engine with the tokenizer and the chat template of its model. */
public final class EspalierLoader {

    private EspalierLoader() {}

    /**
     * Loads the model in {@code folder}.
     *
     * @param tokenizerFolder where tokenizer and template are; null for the model's own folder
     * @throws EngineFault if something is missing, wrong or too large; the message says what to do
     */
    public static Espalier load(Options options, Path folder, @Nullable Path tokenizerFolder, LoadListener listener) {
        ModelFolder model = ModelFolder.open(folder);
        Path textFolder = tokenizerFolder == null ? folder : tokenizerFolder;
        Tokenizer tokenizer = Tokenizer.load(textFolder);
        ChatTemplate template = ChatTemplate.load(textFolder, options.model().chatTemplate());
        String name = options.model().servedModelName();
        var card = new ModelCard(
                name == null ? model.name() : name,
                folder.toString(),
                textFolder.toString(),
                model.architectures(),
                model.config().path("model_type").asString(""),
                template.isPresent(),
                Instant.now().getEpochSecond());
        var recommended = Espalier.recommended(options.model().samplingDefaults(), model.generationDefaults());
        EngineLoader.Loaded loaded = EngineLoader.load(options, model, listener); // last: nothing fails after it
        return new Espalier(card, loaded, tokenizer, template, recommended);
    }
}
