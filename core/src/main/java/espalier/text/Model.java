package espalier.text;

/** Turns one piece of pre-tokenized text into token ids. */
sealed interface Model permits Bpe, Unigram, WordPiece, WordLevel {
    /** Appends the ids of {@code text[from, to)}, which is not empty and whose surrogates are paired. */
    void encode(char[] text, int from, int to, Ids out);

    Vocabulary vocabulary();
}
