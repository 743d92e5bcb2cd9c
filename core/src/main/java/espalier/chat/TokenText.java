package espalier.chat;

import espalier.api.TokenLogprobs;
import org.jspecify.annotations.Nullable;

/**
 * One generated token as a surface reports it.
 *
 * @param text the token alone; it may hold U+FFFD where the token is a part of a character
 * @param bytes what it contributes, exactly
 */
public record TokenText(
        int id, String text, byte[] bytes, @Nullable TokenLogprobs logprobs) {}
