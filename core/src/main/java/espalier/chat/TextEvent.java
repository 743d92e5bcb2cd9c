package espalier.chat;

import espalier.api.Emission.FinishReason;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a text request's owner hears; each choice ends with exactly one {@link Finished} or {@link Failed}. */
public sealed interface TextEvent {
    int choice();

    /**
     * More of an answer.
     *
     * @param text may be empty while a character is incomplete or a stop string may be beginning
     * @param tokens generated since the last event
     */
    record Delta(int choice, String text, List<TokenText> tokens) implements TextEvent {}

    /**
     * The end of an answer.
     *
     * @param matchedStop the stop string ({@code String}) or stop id ({@code Integer}) that ended it
     */
    record Finished(
            int choice, FinishReason reason, @Nullable Object matchedStop, Usage usage) implements TextEvent {}

    /** It could not be finished: a {@link espalier.api.RequestRejected} or an {@link espalier.api.EngineFault}. */
    record Failed(int choice, RuntimeException cause) implements TextEvent {}
}
