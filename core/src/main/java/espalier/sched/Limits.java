package espalier.sched;

import espalier.api.EngineFault;
import espalier.api.GenerateRequest;
import espalier.api.RequestRejected;

/**
 * What the scheduler may use.
 *
 * @param pages of the KV cache
 * @param pageSize tokens a page
 * @param maxRunningRequests sequences that have a seat at once
 * @param contextLength most tokens of prompt and answer together
 * @param chunkedPrefillSize most prompt tokens a step; 0 or less never splits a prompt
 * @param maxPrefillTokens most prompt tokens a step as well, but a prompt that may not be split goes alone beyond it
 * @param maxQueuedRequests most requests that wait for a seat or for memory, beyond those for whom both are free;
 *     {@link Integer#MAX_VALUE} for no limit
 */
public record Limits(
        int pages,
        int pageSize,
        int maxRunningRequests,
        int contextLength,
        int chunkedPrefillSize,
        int maxPrefillTokens,
        int maxQueuedRequests) {

    public Limits {
        requirePositive("pages of the KV cache", pages);
        requirePositive("--page-size", pageSize);
        requirePositive("--max-running-requests", maxRunningRequests);
        requirePositive("--context-length", contextLength);
        requirePositive("--max-prefill-tokens", maxPrefillTokens);
        requirePositive("--max-queued-requests", maxQueuedRequests);
    }

    private static void requirePositive(String what, int value) {
        if (value < 1) {
            throw new EngineFault(EngineFault.Code.RESOURCE, what + " must be at least 1, is " + value);
        }
    }

    /** With a budget of 8,192 prompt tokens a step and no limit on the queue. */
    public static Limits of(int pages, int pageSize, int maxRunningRequests, int contextLength) {
        return new Limits(pages, pageSize, maxRunningRequests, contextLength, 8192, 16384, Integer.MAX_VALUE);
    }

    public int maxTotalTokens() {
        return (int) Math.min(Integer.MAX_VALUE, (long) pages * pageSize);
    }

    /** Most tokens that one plan can have: what a device must have workspace for. */
    public int maxStepTokens() {
        int prompts = chunkedPrefillSize > 0
                ? Math.min(chunkedPrefillSize, maxPrefillTokens)
                : Math.max(contextLength, maxPrefillTokens);
        return (int) Math.min(Integer.MAX_VALUE, (long) prompts + maxRunningRequests);
    }

    int pagesFor(int tokens) {
        return (tokens + pageSize - 1) / pageSize;
    }

    /**
     * Most tokens that {@code request} may generate here: what it asks for, or the rest of the context, or of the cache
     * where that is smaller.
     *
     * @throws RequestRejected when it could never run
     */
    public int newTokens(GenerateRequest request) {
        int prompt = request.prompt().size();
        Integer asked = request.sampling().maxNewTokens();
        if (prompt == 0) {
            throw RequestRejected.invalid("prompt", "Prompt cannot be empty");
        }
        if (prompt >= contextLength) {
            throw RequestRejected.invalid(
                    "prompt",
                    "The input (%d tokens) is longer than the model's context length (%d tokens)."
                            .formatted(prompt, contextLength));
        }
        if (asked != null && asked > contextLength - prompt) {
            throw RequestRejected.invalid("max_new_tokens", tooLong(prompt, asked));
        }
        int room = maxTotalTokens() - prompt + 1; // the last token is never an input, so it needs no slot
        if (room < 1 || (asked != null && asked > room)) {
            throw RequestRejected.invalid(
                    asked == null || room < 1 ? "prompt" : "max_new_tokens",
                    "The input (%d tokens) and %d new tokens do not fit the KV cache (%d tokens). Shorten them, or give the server more memory with --max-total-tokens or --mem-fraction-static."
                            .formatted(prompt, asked == null ? 1 : asked, maxTotalTokens()));
        }
        return asked != null ? asked : Math.min(contextLength - prompt, room);
    }

    private String tooLong(int prompt, int asked) {
        return ("Requested token count exceeds the model's maximum context length of %d tokens. You requested a total of %d"
                        + " tokens: %d tokens from the input messages and %d tokens for the completion. Please reduce the number"
                        + " of tokens in the input messages or the completion to fit within the limit.")
                .formatted(contextLength, (long) prompt + asked, prompt, asked);
    }
}
