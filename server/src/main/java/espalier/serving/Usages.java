package espalier.serving;

import espalier.chat.Usage;

/** Adds up what the choices of a request cost: a prompt counts once, however many answers it has. */
public final class Usages {
    private int prompt;
    private int cached;
    private int completion;

    /** Adds a choice of a prompt; {@code choice} 0 brings the prompt's own tokens. */
    public void add(int choice, Usage usage) {
        if (choice == 0) {
            prompt += usage.promptTokens();
            cached += usage.cachedTokens();
        }
        completion += usage.completionTokens();
    }

    public Usage total() {
        return new Usage(prompt, cached, completion);
    }
}
