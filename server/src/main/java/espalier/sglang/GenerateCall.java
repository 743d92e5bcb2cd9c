package espalier.sglang;

import espalier.chat.TextRequest;
import java.util.List;

/**
 * A body of {@code /generate}, read: one request for each prompt.
 *
 * @param wanted what each prompt's answers show
 */
record GenerateCall(List<TextRequest> texts, List<Wanted> wanted, Shape shape) {

    /** Whether the answer is an object or a list of them. */
    enum Shape {
        ONE,
        LIST
    }

    /** What stands beside the ids of log-probabilities. */
    enum Names {
        TEXT,
        NULL
    }

    /** Whether a prompt is answered, or only read. */
    enum Extent {
        ANSWER,
        PROMPT_ALONE
    }

    /**
     * What an answer shows.
     *
     * @param logprobs alternatives to each token; -1 for no log-probabilities
     */
    record Wanted(int logprobs, Names names, Extent extent) {
        boolean hasLogprobs() {
            return logprobs >= 0;
        }
    }
}
