package espalier.text;

import org.jspecify.annotations.Nullable;

/**
 * What a BPE model may vary in.
 *
 * @param unknownToken stands for a character that has no token; without one such characters vanish
 * @param continuingPrefix before every character of a word but the first, when it is looked up
 * @param endOfWordSuffix behind the last character of a word, when it is looked up
 * @param fuseUnknown several unknown characters in a row are one unknown token
 * @param byteFallback an unknown character is spelled by the tokens of its UTF-8 bytes
 * @param ignoreMerges a word that is a token as a whole is that token
 */
record BpeOptions(
        @Nullable String unknownToken,
        String continuingPrefix,
        String endOfWordSuffix,
        boolean fuseUnknown,
        boolean byteFallback,
        boolean ignoreMerges) {

    boolean affixed() {
        return !continuingPrefix.isEmpty() || !endOfWordSuffix.isEmpty();
    }

    String affix(String symbol, boolean first, boolean last) {
        return (first ? "" : continuingPrefix) + symbol + (last ? endOfWordSuffix : "");
    }
}
