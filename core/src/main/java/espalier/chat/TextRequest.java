package espalier.chat;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import java.util.List;

/**
 * What the text path is asked for.
 *
 * @param rid the user's name for it
 * @param stop strings that end an answer as soon as they are complete
 * @param choices how many answers to the prompt; {@code sampling.choice} is the number of the first
 * @param priority see {@link espalier.api.GenerateRequest}; cacheSalt alike
 */
public record TextRequest(
        String rid,
        Prompt prompt,
        SamplingParams sampling,
        List<String> stop,
        int choices,
        OutputText output,
        int priority,
        String cacheSalt) {

    /** Most answers to one prompt. */
    public static final int MAX_CHOICES = 128;

    public TextRequest {
        stop = List.copyOf(stop);
        if (stop.contains("")) {
            throw RequestRejected.invalid("stop", "stop must not contain an empty string");
        }
        if (choices < 1 || choices > MAX_CHOICES) {
            throw RequestRejected.invalid("n", "n must be between 1 and " + MAX_CHOICES + ", got " + choices);
        }
    }

    /** The same under another name. */
    public TextRequest named(String other) {
        return new TextRequest(other, prompt, sampling, stop, choices, output, priority, cacheSalt);
    }

    /** One answer with everything at its default. */
    public static TextRequest of(String rid, Prompt prompt, SamplingParams sampling) {
        return new TextRequest(rid, prompt, sampling, List.of(), 1, OutputText.DEFAULT, 0, "");
    }
}
