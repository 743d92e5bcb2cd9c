package espalier.text;

import org.jspecify.annotations.Nullable;

/**
 * Turns ids into text one by one. The pieces never split a character, and together they equal what
 * {@link Tokenizer#decode} makes of all the ids at once.
 *
 * <p>Text comes as early as it is certain. A character whose bytes are incomplete is waited for; so is a run of
 * byte-fallback tokens, since one bad byte makes replacement characters of the whole run. Owned by one thread.
 */
public final class Detokenizer {
    private final Tokenizer tokenizer;
    private final Specials specials;
    private final StringBuilder text = new StringBuilder();
    private final TokenSink head;
    private boolean finished;

    Detokenizer(Tokenizer tokenizer, Specials specials) {
        this.tokenizer = tokenizer;
        this.specials = specials;
        this.head = Decoder.open(tokenizer.decoders(), new Tail(text));
    }

    /** The text that this id makes certain; may be empty. An id outside the vocabulary contributes nothing. */
    public String append(int id) {
        push(id);
        return taken();
    }

    /** The ids are complete: the text that was waited with. */
    public String finish() {
        if (!finished) {
            finished = true;
            head.endList();
        }
        return taken();
    }

    void push(int id) {
        if (finished) {
            throw new IllegalStateException("this detokenizer is finished");
        }
        @Nullable String token = tokenizer.decoded(id, specials);
        if (token != null) {
            head.part(token);
            head.endToken();
        }
    }

    private String taken() {
        String taken = text.toString();
        text.setLength(0);
        return taken;
    }

    /** Collects the text of all tokens, side by side. */
    record Tail(StringBuilder text) implements TokenSink {
        @Override
        public void part(String part) {
            text.append(part);
        }

        @Override
        public void endToken() {
            // Nothing stands between tokens.
        }

        @Override
        public void endList() {
            // The text is taken by the detokenizer.
        }
    }
}
