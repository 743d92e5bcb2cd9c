package espalier.api;

import espalier.base.Tokens;

/**
 * Natural log-probabilities of one generated position, of the model's own distribution (before temperature and
 * truncation).
 *
 * @param chosen of the token that was chosen
 * @param topIds the likeliest ids, likeliest first, as many as were asked for
 * @param topLogprobs theirs, in the same order
 */
public record TokenLogprobs(float chosen, Tokens topIds, float[] topLogprobs) {}
