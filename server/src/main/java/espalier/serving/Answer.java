package espalier.serving;

import espalier.api.Emission.FinishReason;
import espalier.chat.TextEvent;
import espalier.chat.TokenText;
import espalier.chat.Usage;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One choice as it has come in so far. */
public final class Answer {
    private final StringBuilder text = new StringBuilder();
    private final List<TokenText> tokens = new ArrayList<>();
    private TextEvent.@Nullable Finished finished;

    public void take(TextEvent event) {
        switch (event) {
            case TextEvent.Delta d -> {
                text.append(d.text());
                tokens.addAll(d.tokens());
            }
            case TextEvent.Finished f -> finished = f;
            case TextEvent.Failed f -> throw f.cause();
        }
    }

    public String text() {
        return text.toString();
    }

    public List<TokenText> tokens() {
        return tokens;
    }

    public FinishReason reason() {
        return end().reason();
    }

    public @Nullable Object matchedStop() {
        return end().matchedStop();
    }

    public Usage usage() {
        return end().usage();
    }

    private TextEvent.Finished end() {
        return java.util.Objects.requireNonNull(finished);
    }
}
