package espalier.step;

import espalier.api.TokenLogprobs;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a step chose, in the order of its plan's sampling chunks.
 *
 * @param tokens one a row; {@link #NOTHING} where nothing could be chosen, every id being forbidden or no logit a number;
 *     {@link #NO_MEMORY} where there was none for the row's log-probabilities
 * @param logprobs one entry a row, null where none were asked for or there is no token
 */
public record StepResult(long number, int[] tokens, List<@Nullable TokenLogprobs> logprobs) {
    public static final int NOTHING = -1;
    public static final int NO_MEMORY = -2;
}
