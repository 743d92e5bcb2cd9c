package espalier.step;

import espalier.api.TokenLogprobs;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a step chose, in the order of its plan's sampling chunks.
 *
 * @param tokens one a row; -1 where nothing could be chosen, every id being forbidden or no logit a number
 * @param logprobs one entry a row, null where none were asked for or nothing was chosen
 */
public record StepResult(long number, int[] tokens, List<@Nullable TokenLogprobs> logprobs) {}
