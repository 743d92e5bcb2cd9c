package espalier.chat;

import espalier.api.TokenLogprobs;
import org.jspecify.annotations.Nullable;

/**
 * One generated token as a surface reports it, with its log-probabilities; without them text and bytes are empty, since
 * no surface shows a token alone then.
 *
 * @param text the token alone; it may hold U+FFFD where the token is a part of a character
 * @param bytes what it contributes, exactly
 */
public record TokenText(
        int id, String text, byte[] bytes, @Nullable TokenLogprobs logprobs) {}
