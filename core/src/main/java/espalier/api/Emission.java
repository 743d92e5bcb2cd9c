package espalier.api;

import org.jspecify.annotations.Nullable;

/** What a request's owner hears. Every accepted request ends with exactly one {@link Done} or {@link Failed}. */
public sealed interface Emission {

    /** The engine's number for the request. */
    long request();

    /** One generated token; the token that ended the request is included. */
    record Token(long request, int id, @Nullable TokenLogprobs logprobs) implements Emission {}

    /**
     * The end.
     *
     * @param matchedStop the stop id that ended it, for {@link FinishReason#STOP}; null where its owner did
     * @param promptTokens of the prompt
     * @param cachedTokens how many of these came from the prefix cache
     * @param completionTokens generated, the one that ended it included
     */
    record Done(
            long request,
            FinishReason reason,
            @Nullable Integer matchedStop,
            int promptTokens,
            int cachedTokens,
            int completionTokens)
            implements Emission {}

    /** It could not be finished: {@code cause} is a {@link RequestRejected} or an {@link EngineFault}. */
    record Failed(long request, RuntimeException cause) implements Emission {}

    /** Why a request ended. */
    enum FinishReason {
        /** A stop id was generated, or its owner has all it wanted. */
        STOP,
        /** {@code maxNewTokens} or the end of the context was reached. */
        LENGTH,
        /** Its owner cancelled it. */
        ABORT
    }
}
