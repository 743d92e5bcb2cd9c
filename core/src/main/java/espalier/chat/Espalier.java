package espalier.chat;

import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.GenerationDefaults;
import espalier.config.Options.SamplingDefaults;
import espalier.config.Settings;
import espalier.engine.LocalEngine;
import espalier.launch.EngineLoader;
import espalier.launch.Makeup;
import espalier.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** A loaded model with its tokenizer and chat template: text in, text out. {@link EspalierLoader} makes one. */
public final class Espalier implements TextEngine {
    private final ModelCard card;
    private final LocalEngine engine;
    private final Settings settings;
    private final Supplier<Makeup> makeup;
    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final GenerationDefaults generation;

    Espalier(
            ModelCard card,
            EngineLoader.Loaded loaded,
            Tokenizer tokenizer,
            ChatTemplate template,
            GenerationDefaults generation) {
        this.card = card;
        this.engine = loaded.engine();
        this.settings = loaded.settings();
        this.makeup = loaded.makeup();
        this.tokenizer = tokenizer;
        this.template = template;
        this.generation = generation;
    }

    @Override
    public ModelCard card() {
        return card;
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public LocalEngine engine() {
        return engine;
    }

    /** Every number that was computed from options, model and machine. */
    public Settings settings() {
        return settings;
    }

    /** What it computes by. */
    public Makeup makeup() {
        return makeup.get();
    }

    @Override
    public SamplingParams.Builder samplingDefaults() {
        return generation.sampling();
    }

    /** What {@code --sampling-defaults} leaves of a model's recommendations. */
    static GenerationDefaults recommended(SamplingDefaults from, GenerationDefaults model) {
        return switch (from) {
            case MODEL -> model;
            case OPENAI -> GenerationDefaults.NONE;
        };
    }

    @Override
    public Tokens promptIds(Prompt prompt) {
        Tokens ids = switch (prompt) {
            case Prompt.Text(String text) -> tokenizer.encodeWithSpecials(text);
            case Prompt.Ids(Tokens given) -> inVocabulary(given);
            case Prompt.Chat(ChatPrompt chat) -> tokenizer.encode(template.render(chat));
        };
        if (ids.isEmpty()) {
            throw RequestRejected.invalid("prompt", "Prompt cannot be empty");
        }
        return ids;
    }

    private Tokens inVocabulary(Tokens ids) {
        int size = engine.info().vocabSize();
        for (int i = 0; i < ids.size(); i++) {
            if (ids.get(i) < 0 || ids.get(i) >= size) {
                throw RequestRejected.invalid(
                        "input_ids",
                        "input_ids[" + i + "] is " + ids.get(i) + ", outside the vocabulary of " + size + " ids");
            }
        }
        return ids;
    }

    @Override
    public Completion start(TextRequest request) {
        EngineInfo info = engine.info();
        SamplingParams sampling = request.sampling();
        requireKnown("logit_bias", sampling.logitBias(), info.vocabSize());
        Tokens ids = promptIds(request.prompt());
        Set<Integer> stopIds = sampling.stopIds(info.eosTokenIds());
        var choices = new ArrayList<Choices.Choice>();
        boolean whole = false;
        try {
            for (int i = 0; i < request.choices(); i++) {
                SamplingParams own =
                        sampling.toBuilder().choice(sampling.choice() + i).build();
                String rid = request.choices() == 1 ? request.rid() : request.rid() + "-" + i;
                Generation generation =
                        engine.submit(new GenerateRequest(rid, ids, own, request.priority(), request.cacheSalt()));
                choices.add(new Choices.Choice(generation, new ChoiceText(i, tokenizer, request, stopIds)));
            }
            whole = true;
        } finally {
            if (!whole) {
                choices.forEach(c -> c.generation().close());
            }
        }
        return new Choices(ids.size(), List.copyOf(choices));
    }

    private static void requireKnown(String name, Map<Integer, ?> byId, int vocabSize) {
        for (int id : byId.keySet()) {
            if (id < 0 || id >= vocabSize) {
                throw RequestRejected.invalid(
                        name, name + " names the id " + id + ", outside the vocabulary of " + vocabSize + " ids");
            }
        }
    }

    @Override
    public void close() {
        engine.close();
    }
}
