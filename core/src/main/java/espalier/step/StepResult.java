package espalier.step;

import espalier.api.TokenLogprobs;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a step chose, in the order of its plan's sampling chunks.
 *
 * @param logprobs one entry a row, null where none were asked for
 */
public record StepResult(long number, int[] tokens, List<@Nullable TokenLogprobs> logprobs) {}
