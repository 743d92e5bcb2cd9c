package espalier.chat;

/**
 * What a choice cost, in tokens.
 *
 * @param cachedTokens of the prompt, found in the prefix cache
 */
public record Usage(int promptTokens, int cachedTokens, int completionTokens) {}
