package espalier.text;

/** From the pieces of a text to ids: the cache first, then the byte-level alphabet where the model wants it, then the model. */
final class WordEncoder {
    private final Model model;
    private final boolean byteLevel;
    private final WordCache cache = new WordCache();

    /** @param byteLevel the model's vocabulary is written in the byte-level alphabet and the pieces are not yet */
    WordEncoder(Model model, boolean byteLevel) {
        this.model = model;
        this.byteLevel = byteLevel;
    }

    void encode(Pieces pieces, Ids out) {
        char[] text = pieces.text();
        for (int p = 0; p < pieces.count(); p++) {
            int from = pieces.from(p);
            int to = pieces.to(p);
            if (to - from > WordCache.LONGEST) {
                encodeWord(text, from, to, out);
                continue;
            }
            int hash = WordCache.hash(text, from, to);
            int[] known = cache.find(hash, text, from, to);
            if (known != null) {
                out.addAll(known);
            } else {
                int start = out.size();
                encodeWord(text, from, to, out);
                cache.put(hash, text, from, to, out.copyFrom(start));
            }
        }
    }

    private void encodeWord(char[] text, int from, int to, Ids out) {
        if (!byteLevel) {
            model.encode(text, from, to, out);
            return;
        }
        char[] mapped = new char[3 * (to - from)];
        int length = ByteAlphabet.map(text, from, to, mapped, 0);
        model.encode(mapped, 0, length, out);
    }
}
