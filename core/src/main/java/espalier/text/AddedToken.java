package espalier.text;

/**
 * A token that is found in the text before the model sees it.
 *
 * @param singleWord only where no word character stands beside it
 * @param leftStrip takes the whitespace before it along
 * @param rightStrip takes the whitespace behind it along
 * @param normalized is looked for in the normalized text, by its normalized spelling
 * @param special is left out when a decoder is asked to skip such tokens
 */
record AddedToken(
        int id,
        String content,
        boolean singleWord,
        boolean leftStrip,
        boolean rightStrip,
        boolean normalized,
        boolean special) {

    AddedToken withId(int other) {
        return new AddedToken(other, content, singleWord, leftStrip, rightStrip, normalized, special);
    }
}
