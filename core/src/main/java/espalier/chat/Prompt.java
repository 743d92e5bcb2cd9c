package espalier.chat;

import espalier.base.Tokens;

/** What a text request begins with. */
public sealed interface Prompt {

    /** Plain text; the tokenizer adds what its post-processor adds (a BOS token, say). */
    record Text(String text) implements Prompt {}

    /** Ids, taken as they are. */
    record Ids(Tokens ids) implements Prompt {}

    /** A conversation, rendered by the model's chat template; nothing is added to what it writes. */
    record Chat(ChatPrompt prompt) implements Prompt {}
}
