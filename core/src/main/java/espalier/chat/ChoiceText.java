package espalier.chat;

import espalier.api.Emission;
import espalier.api.Emission.FinishReason;
import espalier.text.Detokenizer;
import espalier.text.Specials;
import espalier.text.Tokenizer;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Turns one generation's ids into text events. A token that may end the request is held until the engine has said
 * whether it did, which it says in the same breath, so nothing is delayed by it.
 *
 * <p>After a stop string nothing more is shown: the generation is finished by the owner, and its terminal event, with
 * the counts that only the engine has, becomes the choice's end.
 */
final class ChoiceText {
    private static final byte[] NO_BYTES = {};

    private final int choice;
    private final Tokenizer tokenizer;
    private final Detokenizer detokenizer;
    private final StopMatcher stops;
    private final Set<Integer> stopIds;
    private final boolean trimStop;
    private Emission.@Nullable Token doubtful;
    private int tokens;

    ChoiceText(int choice, Tokenizer tokenizer, TextRequest request, Set<Integer> stopIds) {
        this.choice = choice;
        this.tokenizer = tokenizer;
        this.detokenizer = tokenizer.detokenizer(request.output().skipSpecialTokens() ? Specials.SKIP : Specials.KEEP);
        this.stops = new StopMatcher(request.stop());
        this.stopIds = stopIds;
        this.trimStop = request.output().trimStop();
    }

    int choice() {
        return choice;
    }

    /** Hears one emission and passes on what it means. */
    void on(Emission emission, Consumer<TextEvent> out) {
        switch (emission) {
            case Emission.Token t -> {
                if (!isStopped()) {
                    release(out);
                    if (stopIds.contains(t.id())) {
                        doubtful = t;
                    } else {
                        show(t, detokenizer.append(t.id()), out);
                    }
                }
            }
            case Emission.Done d -> end(d, out);
            case Emission.Failed f -> out.accept(new TextEvent.Failed(choice, f.cause()));
        }
    }

    /** True once a stop string was found: the generation itself goes on and has to be finished. */
    boolean isStopped() {
        return stops.matched() != null;
    }

    /** The token that might have ended the request did not: another one followed. */
    private void release(Consumer<TextEvent> out) {
        if (doubtful != null) {
            Emission.Token t = doubtful;
            doubtful = null;
            show(t, detokenizer.append(t.id()), out);
        }
    }

    private void show(Emission.Token t, String piece, Consumer<TextEvent> out) {
        tokens++;
        out.accept(new TextEvent.Delta(choice, visible(piece), List.of(describe(t))));
    }

    private void end(Emission.Done d, Consumer<TextEvent> out) {
        if (doubtful != null) {
            Emission.Token t = doubtful;
            boolean shown = !trimStop || d.reason() != FinishReason.STOP;
            show(t, shown ? detokenizer.append(t.id()) : "", out);
        }
        if (!isStopped()) {
            String rest = visible(detokenizer.finish());
            rest += stops.finish();
            if (!rest.isEmpty()) {
                out.accept(new TextEvent.Delta(choice, rest, List.of()));
            }
        }
        var usage = new Usage(d.promptTokens(), d.cachedTokens(), tokens);
        String stop = stops.matched();
        out.accept(
                stop == null
                        ? new TextEvent.Finished(choice, d.reason(), d.matchedStop(), usage)
                        : new TextEvent.Finished(choice, FinishReason.STOP, stop, usage));
    }

    private String visible(String piece) {
        String shown = stops.append(piece);
        String stop = stops.matched();
        return stop == null || trimStop ? shown : shown + stop;
    }

    private TokenText describe(Emission.Token t) {
        if (t.logprobs() == null) {
            return new TokenText(t.id(), "", NO_BYTES, null); // nobody shows it; most requests are such
        }
        byte[] bytes = tokenizer.bytes(t.id());
        return new TokenText(t.id(), new String(bytes, java.nio.charset.StandardCharsets.UTF_8), bytes, t.logprobs());
    }
}
