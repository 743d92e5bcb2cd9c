package espalier.chat;

import espalier.api.Engine;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.text.Tokenizer;

/** The one text path: templates, tokens, stop strings. Every surface calls it. */
public interface TextEngine extends AutoCloseable {

    ModelCard card();

    /** Accepts a request, or throws {@link espalier.api.RequestRejected}. */
    Completion start(TextRequest request);

    /** Rendering and tokenising alone. */
    Tokens promptIds(Prompt prompt);

    /** The sampling parameters that hold where a request says nothing: those of {@code generation_config.json}. */
    SamplingParams.Builder samplingDefaults();

    Tokenizer tokenizer();

    Engine engine();

    @Override
    void close();
}
