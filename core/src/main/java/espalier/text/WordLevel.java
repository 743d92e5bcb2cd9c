package espalier.text;

/** One token per word; a word outside the vocabulary is the unknown token. */
record WordLevel(Vocabulary vocabulary, int unknown) implements Model {
    @Override
    public void encode(char[] text, int from, int to, Ids out) {
        int id = vocabulary.find(text, from, to);
        if (id < 0 && unknown < 0) {
            throw espalier.api.RequestRejected.invalid(
                    "input",
                    "the word '" + new String(text, from, to - from)
                            + "' is not in the vocabulary, which has no unknown token");
        }
        out.add(id < 0 ? unknown : id);
    }
}
