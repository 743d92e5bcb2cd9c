package espalier.chat;

/**
 * How generated ids become text.
 *
 * @param skipSpecialTokens leaves special tokens out
 * @param trimStop leaves the stop string or stop token that ended the request out
 */
public record OutputText(boolean skipSpecialTokens, boolean trimStop) {
    public static final OutputText DEFAULT = new OutputText(true, true);
}
