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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
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
        var reading =
                new FutureTask<>(() -> text(model, textPath, options.model().chatTemplate()));
        Thread.ofPlatform().name("load-text").daemon().start(reading);
        EngineLoader.Loaded loaded = engine(options, model, listener, reading);
        TextParts text = result(reading); // is there: the engine is loaded with it or not at all
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
        return new Espalier(card, loaded, text.tokenizer, text.template, recommended);
    }

    /** The engine, while the text parts are read on another thread; what is wrong with those is told first. */
    private static EngineLoader.Loaded engine(
            Options options, ModelSource model, LoadListener listener, FutureTask<TextParts> reading) {
        EngineLoader.Loaded loaded;
        try {
            loaded = EngineLoader.load(options, model, listener, () -> requireText(reading));
        } catch (RuntimeException | Error wrong) {
            try {
                result(reading);
            } catch (RuntimeException | Error first) {
                first.addSuppressed(wrong);
                throw first;
            }
            throw wrong;
        }
        try {
            result(reading);
            return loaded;
        } catch (RuntimeException | Error wrong) { // an Error, too, must not leave threads and memory behind
            loaded.engine().close();
            throw wrong;
        }
    }

    /** Ends the loading of weights early where there will be no text. */
    private static void requireText(FutureTask<TextParts> reading) {
        if (reading.state() == Future.State.FAILED) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, "the tokenizer cannot be read");
        }
    }

    private static TextParts result(FutureTask<TextParts> reading) {
        try {
            return reading.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineFault(EngineFault.Code.INTERNAL, "interrupted while reading the tokenizer", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException wrong -> throw wrong;
                case Error error -> throw error;
                case null, default ->
                    throw new EngineFault(
                            EngineFault.Code.INTERNAL, "reading the tokenizer failed: " + e.getCause(), e);
            }
        }
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
