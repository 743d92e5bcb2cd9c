package espalier.text;

/**
 * WordPiece (Wu et al., 2016): the longest token that the word begins with, then the longest of the rest with the
 * continuation prefix, and so on; a word that cannot be spelled so is one unknown token.
 *
 * @param maxWordCharacters a longer word is unknown
 */
record WordPiece(Vocabulary vocabulary, int unknown, String continuingPrefix, int maxWordCharacters) implements Model {
    @Override
    public void encode(char[] text, int from, int to, Ids out) {
        if (Character.codePointCount(text, from, to - from) > maxWordCharacters) {
            out.add(known(unknown));
            return;
        }
        Ids pieces = new Ids(8);
        char[] continued = (continuingPrefix + new String(text, from, to - from)).toCharArray();
        int prefix = continuingPrefix.length();
        for (int start = from; start < to; ) {
            if (start > from) {
                continuingPrefix.getChars(0, prefix, continued, start - from);
            }
            int end = to;
            int id = -1;
            while (end > start) {
                id = start == from
                        ? vocabulary.find(text, start, end)
                        : vocabulary.find(continued, start - from, end - from + prefix);
                if (id >= 0) {
                    break;
                }
                end -= Character.isLowSurrogate(text[end - 1]) ? 2 : 1;
            }
            if (id < 0) {
                out.add(known(unknown));
                return;
            }
            pieces.add(id);
            start = end;
        }
        out.addAll(pieces.copyFrom(0));
    }

    private static int known(int unknown) {
        if (unknown < 0) {
            throw new IllegalStateException("the vocabulary has no unknown token");
        }
        return unknown;
    }
}
